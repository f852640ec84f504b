/**
 * Makes an unfinished piece of Markdown fit to be shown.
 *
 * A reader must never see raw markup flash up and vanish: what is open is closed
 * (`**bo` reads as bold), what cannot be told yet is held back (`[text](htt` reads as
 * its text, a lone `-` or half a table head as nothing). Only the last inline run of the
 * text is touched, and a finished block never passes through here.
 */

import { formulaAt } from "./maths";

const BLOCK_START =
  /^(?:\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?|\s*(?:>\s?)+|\s{0,3}#{1,6}\s+)/;
const UNDECIDED_LINE = /^\s*(?:>\s*)*(?:[-*+_=~`]+|\${1,2}|\\\[|#{1,6}|\d{1,9}[.)]?|[-*+]\s+\[?[ xX]?\]?)\s*$/;
const HALF_FENCE = /^\s{0,3}(?:`{3,}|~{3,})[^`]*$/;
const DELIMITER_ROW = /^\s*\|?[\s:|-]+\|[\s:|-]*$/;
/** A line that a caret would unmake: a rule, or the row of dashes under a table's head. */
const RULE = /^(?:[\s|:-]*|[\s*_=-]*)$/;
const LETTER = /[\p{L}\p{N}]/u;
const LONGEST_TAG = 60;
/** More open marks are no emphasis but a model that loops; to close them costs seconds. */
const MOST_OPEN = 16;

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

/** A piece of the run as it is shown, and where the next one begins. */
interface Step {
  readonly shown: string;
  readonly next: number;
}

/** One walk over the run, remembering in `open` what will have to be closed. */
function closeInline(text: string, caret: string): string {
  const open: string[] = [];
  let out = "";
  for (let at = 0; at < text.length;) {
    const { shown, next } = readStep(text, at, open);
    out += shown;
    at = next;
  }
  return out + caret + (open.length > MOST_OPEN ? "" : open.reverse().join(""));
}

function readStep(text: string, at: number, open: string[]): Step {
  switch (text.charAt(at)) {
    case "\\":
      return at + 1 < text.length ? readEscape(text, at, open) : holdBack(text);
    case "$":
      return show(text, at, at + (formulaAt(text, at)?.length ?? 1));
    case "`":
      return readCode(text, at, open);
    case "*":
    case "_":
    case "~":
      return readEmphasis(text, at, open);
    case "[":
      return readLink(text, at);
    case "!":
      return text.charAt(at + 1) === "[" ? readImage(text, at) : show(text, at, at + 1);
    case "<":
      return isHalfTag(text.slice(at)) ? holdBack(text) : show(text, at, at + 1);
    default:
      return show(text, at, plainEnd(text, at));
  }
}

function show(text: string, at: number, next: number): Step {
  return { shown: text.slice(at, next), next };
}

/** The rest cannot be told yet. */
function holdBack(text: string): Step {
  return { shown: "", next: text.length };
}

function plainEnd(text: string, at: number): number {
  const length = text.slice(at).search(/[\\$`*_~[!<]/);
  return length === -1 ? text.length : at + length;
}

/** What is escaped, or a formula as far as it is there. */
function readEscape(text: string, at: number, open: string[]): Step {
  const formula = formulaAt(text, at);
  if (formula !== undefined) return show(text, at, at + formula.length);
  if (text.charAt(at + 1) !== "(" || text.includes("\\)", at)) return show(text, at, at + 2);
  open.push("\\)");
  return show(text, at, text.length);
}

function readCode(text: string, at: number, open: string[]): Step {
  const run = runLength(text, at);
  const close = findRun(text, at + run, run);
  if (close !== -1) return show(text, at, close + run);
  // The last backticks may be half of what closes it.
  const code = text.slice(at + run).replace(/`+$/, "");
  if (code === "") return holdBack(text);
  open.push("`".repeat(run));
  return { shown: "`".repeat(run) + code, next: text.length };
}

/** Opens or closes emphasis in `open`; the marks themselves stay as they are. */
function readEmphasis(text: string, at: number, open: string[]): Step {
  const next = at + runLength(text, at);
  const marks = text.slice(at, next);
  const closes = open.at(-1) === marks;
  if (next === text.length && !closes) return holdBack(text);
  const [before, after] = [text.charAt(at - 1), text.charAt(next)];
  const isInWord = marks.startsWith("_") && LETTER.test(before) && LETTER.test(after);
  const isPlain = marks.startsWith("~") ? marks.length !== 2 : marks.length > 3;
  if (isInWord || isPlain) return show(text, at, next);
  if (closes && before.trim() !== "") open.pop();
  else if (after.trim() !== "") open.push(marks);
  return show(text, at, next);
}

/** A link whose address has not fully arrived is shown as its text. */
function readLink(text: string, at: number): Step {
  const close = text.indexOf("]", at);
  if (close === -1) return { shown: "", next: at + 1 };
  if (close + 1 === text.length) return { shown: text.slice(at + 1, close), next: text.length };
  if (text.charAt(close + 1) !== "(") return show(text, at, close + 1);
  const end = text.indexOf(")", close);
  if (end !== -1) return show(text, at, end + 1);
  return { shown: text.slice(at + 1, close), next: text.length };
}

function readImage(text: string, at: number): Step {
  const end = /\]\([^)]*\)/.exec(text.slice(at));
  return end ? show(text, at, at + end.index + end[0].length) : holdBack(text);
}

function runLength(text: string, at: number): number {
  let end = at;
  while (end < text.length && text.charAt(end) === text.charAt(at)) end += 1;
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

function isHalfTag(rest: string): boolean {
  return rest.length < LONGEST_TAG && /^<(?:\/?[a-z][^<>]*|!-*|\/)?$/i.test(rest);
}
