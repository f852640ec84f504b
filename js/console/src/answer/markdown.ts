/**
 * Markdown to safe HTML.
 *
 * Everything a model writes is untrusted: the HTML passes DOMPurify, links open without
 * a way back to this page, and a remote image becomes a link (loading it would tell its
 * server what was said here). Nothing unsanitised ever leaves this file.
 */

import DOMPurify from "dompurify";
import { Marked, type Tokens } from "marked";

import { escapeHtml, highlight } from "./highlight";
import { maths } from "./maths";
import { mend } from "./mend";

/** Stands for the caret while Markdown is rendered; in no script, so in no answer. */
const CARET = "\uE0C7";
const CARET_HTML = '<span class="caret" aria-hidden="true"></span>';

/** What has a side where it begins: that of its own language. */
const SIDED = "ul, ol, table, blockquote";

const FORBIDDEN_TAGS = [
  "style",
  "form",
  "button",
  "textarea",
  "select",
  "iframe",
  "video",
  "audio",
];

/**
 * Bold is bold, whatever stands beside it. CommonMark does not open `**` between a letter
 * and a full-width mark, nor close it the other way round, so `**注意：**请` would show its
 * stars; Chinese answers are full of it.
 */
const strongAnywhere = {
  name: "strongAnywhere",
  level: "inline" as const,
  start: (source: string) => source.indexOf("**"),
  tokenizer(this: { lexer: { inlineTokens(source: string): Tokens.Generic[] } }, source: string) {
    const match = /^\*\*(?=[^\s*])([^*\n]*[^\s*])\*\*(?!\*)/.exec(source);
    if (!match?.[1]) return undefined;
    const [raw, text] = match;
    return { type: "strong", raw, text, tokens: this.lexer.inlineTokens(text) };
  },
};

const marked = new Marked({
  gfm: true,
  extensions: [strongAnywhere, maths],
  renderer: {
    code: ({ text, lang }: Tokens.Code) =>
      `<pre><code class="hljs">${highlight(text, lang ?? "")}</code></pre>`,
    table(token: Tokens.Table) {
      const head = token.header.map((cell) => this.tablecell(cell)).join("");
      const body = token.rows.map(
        (row) => `<tr>${row.map((cell) => this.tablecell(cell)).join("")}</tr>`,
      );
      return (
        '<div class="table-scroll" tabindex="0"><table>' +
        `<thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table></div>`
      );
    },
  },
});

const purify = DOMPurify(window);
purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.matches(SIDED)) node.setAttribute("dir", "auto");
  if (node instanceof HTMLImageElement) replaceRemoteImage(node);
  if (node instanceof HTMLAnchorElement) isolateLink(node);
});

/** The HTML of a finished block. */
export function renderMarkdown(source: string): string {
  return sanitise(parse(source));
}

/** The HTML of a block that is still arriving, with a caret where its text ends. */
export function renderOpenMarkdown(source: string): string {
  const html = sanitise(parse(mend(source, CARET)));
  return html.replaceAll(CARET, CARET_HTML);
}

/** What is nested deeper than the parser's stack reaches is shown as it was written. */
function parse(source: string): string {
  try {
    return marked.parse(source, { async: false });
  } catch {
    return `<p>${escapeHtml(source)}</p>`;
  }
}

function sanitise(html: string): string {
  return purify.sanitize(html, {
    USE_PROFILES: { html: true },
    FORBID_TAGS: FORBIDDEN_TAGS,
    FORBID_ATTR: ["style", "id", "name", "srcset"],
    ALLOW_DATA_ATTR: false,
  });
}

function replaceRemoteImage(image: HTMLImageElement): void {
  const source = image.getAttribute("src") ?? "";
  if (source.startsWith("data:image/")) return;
  const link = image.ownerDocument.createElement("a");
  link.href = source;
  link.textContent = image.alt || source;
  isolateLink(link);
  image.replaceWith(link);
}

function isolateLink(link: HTMLAnchorElement): void {
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
}
