/**
 * Formulas stay as they were written.
 *
 * Nothing is typeset here, but Markdown would spoil TeX: it eats the backslashes of `\(`
 * and `\,`, and takes `_` and `*` for emphasis. So a formula is shown as code, marks and
 * all. What need not be one is none: `$5 and $10` is money, `\[1\]` a bracket.
 */

const FORMULA =
  /\$\$[^]{1,2000}?\$\$|\\\([^]{1,2000}?\\\)|\\\[([^]{1,2000}?)\\\]|\$(?![\s$])([^$`\n]*[^\s$`])\$(?!\w)/y;
const TELLS = /[\\^_=]/;

/** The formula that begins at this place, with its marks. */
export function formulaAt(text: string, at: number): string | undefined {
  FORMULA.lastIndex = at;
  const [raw, inBrackets, inDollars] = FORMULA.exec(text) ?? [];
  const doubtful = inBrackets ?? inDollars;
  return doubtful === undefined || TELLS.test(doubtful) ? raw : undefined;
}

/** For marked. */
export const maths = {
  name: "maths",
  level: "inline" as const,
  start: (source: string) => source.search(/\$|\\[([]/),
  tokenizer(source: string) {
    const raw = formulaAt(source, 0);
    return raw === undefined ? undefined : { type: "codespan", raw, text: raw };
  },
};
