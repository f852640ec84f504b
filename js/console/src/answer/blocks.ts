/**
 * Splits Markdown that is still arriving into finished blocks and the open one.
 *
 * A finished block never changes again, so it is rendered once; only the open block is
 * rendered anew. Each line is looked at once: the cost of a text is its length, however
 * small its pieces. The rules are CommonMark's as far as *block ends* need them; what a
 * block means is left to the renderer. It never reads inside a line's inline markup.
 */

export interface MarkdownBlock {
  readonly kind: "markdown";
  readonly source: string;
  readonly closed: boolean;
}

export interface CodeBlock {
  readonly kind: "code";
  readonly language: string;
  readonly source: string;
  readonly closed: boolean;
}

export type Block = MarkdownBlock | CodeBlock;

type State = "between" | "plain" | "list" | "code";

interface Fence {
  /** What closes it, or more of the last character. */
  readonly end: string;
  readonly indent: number;
  readonly language: string;
}

const FENCE = /^( {0,3})(`{3,}|~{3,})\s*([^\s`]*)[^`]*$/;
/** Alone in its line, it begins a formula: TeX, which Markdown must not read. */
const FORMULA = /^( {0,3})(\$\$|\\\[)\s*$/;
const HEADING = /^ {0,3}#{1,6}(\s|$)/;
const BULLET = /^ {0,3}[-*+](\s|$)/;
const NUMBER = /^ {0,3}\d{1,9}[.)](\s|$)/;
const FIRST_NUMBER = /^ {0,3}1[.)]\s/;
const INDENTED = /^( {2,}|\t)/;
const MAYBE_MARKER = /^ {0,3}([-*+]|\d{1,9}[.)]?)?$/;

export class BlockSplitter {
  /** Finished blocks, in order. Only ever appended to. */
  readonly finished: Block[] = [];

  #state: State = "between";
  #lines = "";
  #fence: Fence | null = null;
  #gap = false;
  #pending = "";

  /** Takes the next piece of the text, cut anywhere. */
  append(piece: string): void {
    let from = 0;
    for (let end = piece.indexOf("\n"); end !== -1; end = piece.indexOf("\n", from)) {
      this.#line(this.#pending + piece.slice(from, end));
      this.#pending = "";
      from = end + 1;
    }
    this.#pending += piece.slice(from);
    if (this.#gap && this.#leavesList(this.#pending)) this.#finish();
  }

  /** No more text will come: whatever is open is finished. */
  end(): void {
    if (this.#pending !== "") this.#line(this.#pending);
    this.#pending = "";
    if (this.#state !== "between") this.#finish();
  }

  /** The block that may still change, as far as it can be shown; null between blocks. */
  get open(): Block | null {
    if (this.#state === "code" && this.#fence) return this.#openCode(this.#fence);
    const starting = this.#state === "between" ? openingFence(this.#pending) : null;
    if (starting && FORMULA.test(this.#pending)) return null; // it may go on in its line
    if (starting) return { kind: "code", language: "", source: "", closed: false };
    const undecided = this.#gap && MAYBE_MARKER.test(this.#pending);
    const source = this.#lines + (undecided ? "" : this.#pending);
    return source.trim() === "" ? null : { kind: "markdown", source, closed: false };
  }

  #openCode(fence: Fence): Block {
    const tail = couldClose(fence, this.#pending) ? "" : outdent(this.#pending, fence.indent);
    return { kind: "code", language: fence.language, source: this.#lines + tail, closed: false };
  }

  #line(raw: string): void {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (this.#state === "code" && this.#fence) return this.#codeLine(line, this.#fence);
    if (line.trim() === "") return this.#blank();
    if (this.#state === "list" && !this.#leavesList(line)) return this.#keep(line);
    if (this.#state === "list" || (this.#state === "plain" && startsBlock(line))) this.#finish();
    if (this.#state === "plain") return this.#keep(line);
    this.#begin(line);
  }

  #begin(line: string): void {
    this.#fence = openingFence(line);
    if (this.#fence) {
      this.#state = "code";
      return;
    }
    this.#state = BULLET.test(line) || NUMBER.test(line) ? "list" : "plain";
    this.#keep(line);
    if (HEADING.test(line)) this.#finish();
  }

  #codeLine(line: string, fence: Fence): void {
    if (closes(fence, line)) this.#finish();
    else this.#lines += outdent(line, fence.indent) + "\n";
  }

  #blank(): void {
    if (this.#state === "plain") this.#finish();
    if (this.#state !== "list") return;
    this.#gap = true;
    this.#lines += "\n";
  }

  #keep(line: string): void {
    this.#gap = false;
    this.#lines += line + "\n";
  }

  /** Whether a line that follows inside a list is certain not to belong to it. */
  #leavesList(line: string): boolean {
    if (line === "" || INDENTED.test(line)) return false;
    if (!this.#gap) return openingFence(line) !== null || HEADING.test(line);
    if (MAYBE_MARKER.test(line)) return false;
    return !BULLET.test(line) && !NUMBER.test(line);
  }

  #finish(): void {
    const source = this.#fence ? this.#lines.slice(0, -1) : this.#lines;
    this.finished.push(
      this.#fence
        ? { kind: "code", language: this.#fence.language, source, closed: true }
        : { kind: "markdown", source, closed: true },
    );
    this.#state = "between";
    this.#lines = "";
    this.#fence = null;
    this.#gap = false;
  }
}

function startsBlock(line: string): boolean {
  return (
    openingFence(line) !== null ||
    HEADING.test(line) ||
    BULLET.test(line) ||
    FIRST_NUMBER.test(line)
  );
}

function openingFence(line: string): Fence | null {
  const code = FENCE.exec(line);
  if (code) {
    const [, indent = "", end = "", language = ""] = code;
    return { end, indent: indent.length, language };
  }
  const [, indent = "", mark] = FORMULA.exec(line) ?? [];
  if (mark === undefined) return null;
  return { end: mark === "$$" ? mark : "\\]", indent: indent.length, language: "tex" };
}

function closes({ end }: Fence, line: string): boolean {
  const marks = line.trim();
  const isEnd = marks.startsWith(end) && isRunOf(end.slice(-1), marks.slice(end.length));
  return isEnd && !line.startsWith("    ");
}

function couldClose(fence: Fence, line: string): boolean {
  const marks = line.trim();
  return marks !== "" && (fence.end.startsWith(marks) || closes(fence, line));
}

function isRunOf(char: string, text: string): boolean {
  return text === char.repeat(text.length);
}

function outdent(line: string, indent: number): string {
  const spaces = line.length - line.trimStart().length;
  return line.slice(Math.min(spaces, indent));
}
