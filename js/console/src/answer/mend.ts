/**
 * Makes an unfinished piece of Markdown fit to be shown.
 *
 * A reader must never see raw markup flash up and vanish: what is open is closed
 * (`**bo` reads as bold), what cannot be told yet is held back (`[text](htt` reads as
 * its text, a lone `-` or half a table head as nothing). Only the last inline run of the
 * text is touched, and a finished block never passes through here.
 */

const BLOCK_START =
  /^(?:\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?|\s*(?:>\s?)+|\s{0,3}#{1,6}\s+)/;
const UNDECIDED_LINE = /^\s*(?:>\s*)*(?:[-*+_=~`]+|#{1,6}|\d{1,9}[.)]?|[-*+]\s+\[?[ xX]?\]?)\s*$/;
const HALF_FENCE = /^\s{0,3}(?:`{3,}|~{3,})[^`]*$/;
const DELIMITER_ROW = /^\s*\|?[\s:|-]+\|[\s:|-]*$/;
/** A line that a caret would unmake: a rule, or the row of dashes under a table's head. */
const RULE = /^(?:[\s|:-]*|[\s*_=-]*)$/;
const LONGEST_TAG = 60;

/** `source` with its open ends closed; `caret`, if given, stands where the text ends. */
export function mend(source: string, caret = ""): string {
  if (isHalfTable(source)) return "";
  const unfinished = source.slice(source.lastIndexOf("\n") + 1);
  if (UNDECIDED_LINE.test(unfinished) || HALF_FENCE.test(unfinished)) {
    return source.slice(0, source.length - unfinished.length);
  }
  const text = source.trimEnd();
  const start = inlineStart(text);
  if (RULE.test(text.slice(text.lastIndexOf("\n") + 1))) return source;
  return text.slice(0, start) + closeInline(text.slice(start), caret);
}

/** A table is shown once its delimiter row is whole: before that it is only pipes. */
function isHalfTable(source: string): boolean {
  if (!source.trimStart().startsWith("|")) return false;
  const lines = source.split("\n", 3);
  return lines.length < 3 && !(lines[1] && isWholeDelimiter(lines[0] ?? "", lines[1]));
}

function isWholeDelimiter(head: string, row: string): boolean {
  return DELIMITER_ROW.test(row) && columns(row) >= columns(head) && row.trimEnd().endsWith("|");
}

function columns(row: string): number {
  return row.split("|").length;
}

/** Where the last inline run begins: emphasis does not reach over this point. */
function inlineStart(source: string): number {
  let from = source.length;
  while (from > 0) {
    const lineStart = source.lastIndexOf("\n", from - 1) + 1;
    const line = source.slice(lineStart, from);
    if (line.trimStart().startsWith("|")) return lineStart + line.lastIndexOf("|") + 1;
    const marker = BLOCK_START.exec(line);
    if (marker) return lineStart + marker[0].length;
    if (lineStart === 0) return 0;
    if (line.trim() === "") return from;
    from = lineStart - 1;
  }
  return 0;
}

/** One walk over the run, remembering what is open. */
function closeInline(text: string, caret: string): string {
  const open: string[] = [];
  let out = "";
  let at = 0;
  const finish = (body: string) => body + caret + open.reverse().join("");
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === "\\") {
      if (at + 1 === text.length) break;
      out += text.slice(at, at + 2);
      at += 2;
    } else if (char === "`") {
      const run = runLength(text, at);
      const close = findRun(text, at + run, run);
      if (close === -1) {
        const code = text.slice(at + run).replace(/`+$/, "");
        return code === ""
          ? finish(out)
          : finish(out + text.slice(at, at + run) + code) + "`".repeat(run);
      }
      out += text.slice(at, close + run);
      at = close + run;
    } else if (char === "*" || char === "_" || char === "~") {
      const run = runLength(text, at);
      if (at + run === text.length && !closesRun(open, char, run)) break;
      out += emphasis(text, at, run, open);
      at += run;
    } else if (char === "[" || (char === "!" && text.charAt(at + 1) === "[")) {
      const link = readLink(text, at);
      if (link.whole) {
        out += text.slice(at, link.end);
        at = link.end;
      } else if (char === "!") break;
      else if (link.label === null) at += 1;
      else return finish(out + link.label);
    } else if (char === "<" && isHalfTag(text.slice(at))) break;
    else {
      out += char;
      at += 1;
    }
  }
  return finish(out);
}

function runLength(text: string, at: number): number {
  let end = at;
  while (text.charAt(end) === text.charAt(at) && end < text.length) end += 1;
  return end - at;
}

function findRun(text: string, from: number, length: number): number {
  for (let at = text.indexOf("`", from); at !== -1; at = text.indexOf("`", at)) {
    const run = runLength(text, at);
    if (run === length) return at;
    at += run;
  }
  return -1;
}

function closesRun(open: readonly string[], char: string, run: number): boolean {
  return open.at(-1) === char.repeat(run);
}

/** Opens or closes emphasis in `open`; the marks themselves are returned unchanged. */
function emphasis(text: string, at: number, run: number, open: string[]): string {
  const marks = text.slice(at, at + run);
  const before = text.charAt(at - 1);
  const after = text.charAt(at + run);
  const inWord =
    marks.startsWith("_") && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after);
  if (inWord || (marks.startsWith("~") && run !== 2)) return marks;
  if (open.at(-1) === marks && before.trim() !== "") open.pop();
  else if (after.trim() !== "" && run <= 3) open.push(marks);
  return marks;
}

interface Link {
  readonly whole: boolean;
  readonly end: number;
  /** The text of a link whose address has not fully arrived; null: the text is open too. */
  readonly label: string | null;
}

function readLink(text: string, at: number): Link {
  const open = text.indexOf("[", at);
  const close = text.indexOf("]", open);
  if (close === -1) return { whole: false, end: at, label: null };
  const label = text.slice(open + 1, close);
  if (close + 1 === text.length) return { whole: false, end: at, label };
  if (text.charAt(close + 1) !== "(") return { whole: true, end: close + 1, label };
  const end = text.indexOf(")", close);
  return { whole: end !== -1, end: end + 1, label };
}

function isHalfTag(rest: string): boolean {
  return rest.length < LONGEST_TAG && /^<(?:\/?[a-z][^<>]*|!-*|\/)?$/i.test(rest);
}
