import { describe, expect, it } from "vitest";

import { BlockSplitter, type Block } from "../src/answer/blocks";

function split(text: string, pieceLength = text.length || 1): Block[] {
  const splitter = new BlockSplitter();
  for (let at = 0; at < text.length; at += pieceLength) {
    splitter.append(text.slice(at, at + pieceLength));
  }
  splitter.end();
  return splitter.finished;
}

function sources(text: string): string[] {
  return split(text).map((block) => block.source);
}

const SAMPLE = [
  "# Title",
  "Text right below",
  "over two lines",
  "",
  "- one",
  "- two",
  "",
  "  still two",
  "",
  "After the list",
  "```python",
  "def f():",
  "",
  "    return '# not a heading'",
  "```",
  "| a | b |",
  "|---|---|",
  "| 1 | 2 |",
  "",
  "> quoted",
  "",
  "1. first",
  "",
  "2. second",
  "~~~",
  "``` inside",
  "~~~",
  "end",
].join("\n");

describe("BlockSplitter", () => {
  it("ends blocks where CommonMark does", () => {
    expect(sources(SAMPLE)).toEqual([
      "# Title\n",
      "Text right below\nover two lines\n",
      "- one\n- two\n\n  still two\n\n",
      "After the list\n",
      "def f():\n\n    return '# not a heading'",
      "| a | b |\n|---|---|\n| 1 | 2 |\n",
      "> quoted\n",
      "1. first\n\n2. second\n",
      "``` inside",
      "end\n",
    ]);
  });

  it.each([1, 2, 3, 5, 7, 11])("gives the same blocks in pieces of %i", (pieceLength) => {
    expect(split(SAMPLE, pieceLength)).toEqual(split(SAMPLE));
    const windows = SAMPLE.replaceAll("\n", "\r\n");
    expect(split(windows, pieceLength)).toEqual(split(SAMPLE));
  });

  it("keeps finished blocks untouched while more arrives", () => {
    const splitter = new BlockSplitter();
    splitter.append("one\n\ntwo");
    const [first] = splitter.finished;
    splitter.append("\n\nthree");
    expect(splitter.finished[0]).toBe(first);
    expect(splitter.finished).toHaveLength(2);
    expect(splitter.open).toEqual({ kind: "markdown", source: "three", closed: false });
  });

  it("shows an open fence as code from its first line on, and never its marks", () => {
    const splitter = new BlockSplitter();
    const shown: (Block | null)[] = [];
    for (const char of "```js\nlet a\n```") {
      splitter.append(char);
      shown.push(splitter.open);
    }
    expect(shown.slice(2).map((block) => block?.kind)).toEqual(Array(13).fill("code"));
    for (const block of shown.slice(2)) expect(block?.source).not.toContain("`");
    expect(splitter.open).toEqual({
      kind: "code",
      language: "js",
      source: "let a\n",
      closed: false,
    });
    splitter.append("\n");
    expect(splitter.finished).toEqual([
      { kind: "code", language: "js", source: "let a", closed: true },
    ]);
  });

  it("needs a closing fence at least as long as the opening one", () => {
    expect(sources("````md\n```\ninner\n```\n````\nout")).toEqual(["```\ninner\n```", "out\n"]);
  });

  it.each([
    ["$$", "$$"],
    ["\\[", "\\]"],
  ])("keeps a formula between %s and %s whole, and never shows them", (opens, ends) => {
    const formula = "a\n\n- b\n= c";
    const splitter = new BlockSplitter();
    for (const char of `so\n${opens}\n${formula}\n${ends}\n`) {
      splitter.append(char);
      if (splitter.open?.kind === "code") expect(splitter.open.source).not.toMatch(/[$\\]/);
    }
    splitter.append("out");
    splitter.end();
    expect(splitter.finished.map(({ source }) => source)).toEqual(["so\n", formula, "out\n"]);
  });

  it("does not take the marks of a formula in one line for a block", () => {
    expect(sources("$$ a $$\nb")).toEqual(["$$ a $$\nb\n"]);
  });

  it("finishes a list as soon as the next line cannot belong to it", () => {
    const splitter = new BlockSplitter();
    splitter.append("- one\n\n");
    expect(splitter.finished).toHaveLength(0);
    splitter.append("-");
    expect(splitter.open?.source).toBe("- one\n\n");
    splitter.append("x");
    expect(splitter.finished).toHaveLength(1);
    expect(splitter.open?.source).toBe("-x");
  });

  it("looks at every line once, however small the pieces", () => {
    const splitter = new BlockSplitter();
    const began = performance.now();
    for (let line = 0; line < 40_000; line += 1) splitter.append("a short paragraph\n\n");
    expect(splitter.finished).toHaveLength(40_000);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
