// @vitest-environment jsdom
import { describe, expect, it } from "vitest";

import { renderMarkdown, renderOpenMarkdown } from "../src/answer/markdown";

describe("renderMarkdown", () => {
  it.each([
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[x](javascript:alert(1))",
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<form action="/api/runs"><button>x</button></form>',
    '<p style="position:fixed">x</p>',
    "<style>body{display:none}</style>",
    "<svg><script>alert(1)</script></svg>",
  ])("takes the sting out of %s", (source) => {
    const html = renderMarkdown(source);
    expect(html).not.toMatch(/<script|onerror|javascript:|data:text|<iframe|<form|<button|style/i);
  });

  it("shows as it was written what is nested too deep to be read", () => {
    const deep = `${">".repeat(5000)} <b>deep</b>`;
    for (const html of [renderMarkdown(deep), renderOpenMarkdown(deep)]) {
      expect(html).toContain("&gt;&gt;&gt; &lt;b&gt;deep");
    }
  });

  it("turns a remote image into a link, so that reading tells nobody", () => {
    const html = renderMarkdown("![chart](https://example.com/chart.png?q=secret)");
    expect(html).not.toContain("<img");
    expect(html).toContain('href="https://example.com/chart.png?q=secret"');
    expect(html).toContain(">chart</a>");
  });

  it("keeps an image that is already here", () => {
    expect(renderMarkdown("![dot](data:image/gif;base64,R0lGOD)")).toContain("<img");
  });

  it("opens links without a way back", () => {
    expect(renderMarkdown("[a](https://example.com)")).toMatch(
      /rel="noopener noreferrer nofollow"/,
    );
  });

  it("puts tables where they can scroll", () => {
    expect(renderMarkdown("| a |\n|--:|\n| 1 |")).toMatch(
      /^<div class="table-scroll" tabindex="0"><table dir="auto">.*align="right".*<\/table><\/div>$/s,
    );
  });

  it("lets lists, tables and quotes begin on the side where their language does", () => {
    const html = renderMarkdown("- عنصر\n  1. واحد\n\n> اقتباس\n\n| اسم |\n|---|\n| ألف |");
    expect(html.match(/<\w+ dir="auto"/g)).toEqual(
      ["ul", "ol", "blockquote", "table"].map((tag) => `<${tag} dir="auto"`),
    );
  });

  it.each([
    ["$e^{-x^2}\\,dx$"],
    ["\\(a_1 * b_1 * c\\)"],
    ["\\(n\\)"],
    ["\\[ x = \\{1, 2\\} \\]"],
    ["$$ \\begin{matrix} 1 & 2 \\\\ 3 & 4 \\end{matrix} $$"],
  ])("shows a formula as it was written: %s", (formula) => {
    expect(textOf(renderMarkdown(`Let *${formula}* be.`))).toBe(`Let ${formula} be.`);
    expect(textOf(renderOpenMarkdown(`Let ${formula} *b`))).toBe(`Let ${formula} b`);
  });

  it.each([
    ["from $5 to $10", "from $5 to $10"],
    ["$5*2*$", "$52$"],
    ["as in \\[1\\] and \\[2\\]", "as in [1] and [2]"],
    ["set $A=$B", "set $A=$B"],
  ])("takes %s for no formula", (source, shown) => {
    expect(renderMarkdown(source)).not.toContain("<code>");
    expect(textOf(renderMarkdown(source))).toBe(shown);
  });

  it("takes no formula out of code", () => {
    const source = "from $a to `b_$` on";
    expect(textOf(renderMarkdown(source))).toBe("from $a to b_$ on");
    expect(textOf(renderOpenMarkdown(source))).toBe("from $a to b_$ on");
  });

  it.each(["**注意：**请看", "这是**“重点”**内容", "**A（b）**说"])(
    "closes bold before Chinese: %s",
    (source) => {
      const html = renderMarkdown(source);
      expect(html).toContain("<strong>");
      expect(html).not.toContain("*");
    },
  );
});

describe("renderOpenMarkdown", () => {
  it("shows one caret at the end, and none of its stand-in", () => {
    const html = renderOpenMarkdown("Hello **wor");
    expect(html).toBe(
      '<p>Hello <strong>wor<span class="caret" aria-hidden="true"></span></strong></p>\n',
    );
  });
});

function textOf(html: string): string {
  const element = document.createElement("div");
  element.innerHTML = html;
  return element.textContent.trim();
}
