// @vitest-environment jsdom
import { describe, expect, it } from "vitest";

import { mend } from "../src/answer/mend";
import { renderMarkdown, renderOpenMarkdown } from "../src/answer/markdown";

describe("mend", () => {
  it.each([
    ["**bold", "**bold**"],
    ["**bold*", "**bold**"],
    ["a **", "a "],
    ["*it", "*it*"],
    ["***both", "***both***"],
    ["~~gone", "~~gone~~"],
    ["`code", "`code`"],
    ["``a ` b", "``a ` b``"],
    ["text `", "text "],
    ["snake_case_name", "snake_case_name"],
    ["2 * 3 * 4", "2 * 3 * 4"],
    ["see [the do", "see the do"],
    ["see [the docs](http://ex", "see the docs"],
    ["see [the docs](http://ex.org)", "see [the docs](http://ex.org)"],
    ["a ![pic](data:im", "a "],
    ["a <b", "a "],
    ["a < b", "a < b"],
    ["back\\", "back"],
    ["is \\(a_1 * b", "is \\(a_1 * b\\)"],
    ["is $x^*$ an", "is $x^*$ an"],
    ["so\n$$", "so\n"],
    ["so\n\\[", "so\n"],
    ["**a** and **b", "**a** and **b**"],
    ["**done**\n\nnext *one", "**done**\n\nnext *one*"],
    ["- **one\n- two", "- **one\n- two"],
    ["Title\n-", "Title\n"],
    ["Title\n=", "Title\n"],
    ["text\n```py", "text\n"],
    ["text\n2", "text\n"],
    ["#", ""],
    ["- [ ", ""],
    ["| a | b", ""],
    ["| a | b |\n|--", ""],
    ["| a | b |\n|---|---|", "| a | b |\n|---|---|"],
    ["| a | b |\n|---|---|\n| 1", "| a | b |\n|---|---|\n| 1"],
  ])("%j reads as %j", (source, expected) => {
    expect(mend(source)).toBe(expected);
  });

  it("closes nothing where more is open than a person would open", () => {
    const loop = "*a _b ".repeat(1000).trimEnd();
    expect(mend(loop, "^")).toBe(`${loop}^`);
  });

  it("puts the caret where the text ends, inside what is open", () => {
    expect(mend("- say **hel", "^")).toBe("- say **hel^**");
    expect(mend("plain ", "^")).toBe("plain^");
  });
});

describe("an answer cut anywhere", () => {
  const SAMPLES = [
    "Some **bold**, *italic*, `code`, ~~gone~~ and [a link](https://example.com/a_b) here.",
    "1. first **item**\n2. second `item`\n   - [x] nested *one*\n   - [ ] nested two",
    "| Way | Works |\n|:---|---:|\n| **SSE** | yes |\n| `poll` | yes |",
    "> quoted **words** go\n> on here",
    "## A heading with `code`",
    "**注意：**请先保存，再发送。",
  ];

  it.each(SAMPLES)("never shows raw marks: %j", (sample) => {
    const whole = textOf(renderMarkdown(sample));
    for (let end = 1; end < sample.length; end += 1) {
      const shown = textOf(renderOpenMarkdown(sample.slice(0, end)));
      expect(shown).not.toMatch(/[*`~|[\]#>]|--/);
      expect(squeeze(whole).startsWith(squeeze(shown))).toBe(true);
    }
  });

  function textOf(html: string): string {
    const element = document.createElement("div");
    element.innerHTML = html;
    return element.textContent;
  }

  function squeeze(text: string): string {
    return text.replace(/\s+/g, "");
  }
});
