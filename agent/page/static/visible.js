/* Text from elsewhere before it is shown: what nobody sees, or what turns the direction of text, is written out. Pure. */

/* Control characters, those of formatting, halves of a pair, unassigned ones, ends of lines and paragraphs; and letters
   and symbols of which nothing is seen. The command line has the same table. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\uffa0]/gu;

/** Return `text` in one line, with \xNN, \uNNNN and \UNNNNNNNN in the place of what is not seen. */
export function visible(text) {
  return String(text ?? "").replace(UNSEEN, escaped);
}

function escaped(character) {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  if (character === "\r") return "\\r";
  const code = character.codePointAt(0);
  if (code < 0x100) return `\\x${hexadecimal(code, 2)}`;
  return code < 0x10000 ? `\\u${hexadecimal(code, 4)}` : `\\U${hexadecimal(code, 8)}`;
}

function hexadecimal(code, digits) {
  return code.toString(16).padStart(digits, "0");
}
