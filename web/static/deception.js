// Characters that make a text look like another one, shown escaped. The list is that of docs/protocol.md §1.

const DRAWS_NOTHING =
  /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u2028\u2029\u2800\u3164\ufeff\uffa0\u180b-\u180f\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/u;
const SCRIPTS = ["Latin", "Cyrillic", "Greek", "Armenian", "Cherokee", "Coptic", "Lisu"];
const LETTER_OF = SCRIPTS.map((script) => new RegExp(`\\p{Script=${script}}`, "gu"));

/**
 * Put `text` into `element`, as text alone, deceiving characters written as \u{…} and marked.
 * @param {Element} element @param {string} text @returns {boolean} whether anything was marked
 */
export function show(element, text) {
  let marked = false;
  for (const part of text.split(/(\p{L}+)/u)) {
    const foreign = strangers(part);
    for (const character of part) {
      if (!deceives(character) && !foreign.test(character)) {
        element.append(character);
        continue;
      }
      marked = true;
      const mark = document.createElement("mark");
      mark.textContent = `\\u{${character.codePointAt(0)?.toString(16)}}`;
      element.append(mark);
    }
  }
  element.normalize();
  return marked;
}

/** @param {string} character */
const deceives = (character) => character !== "\n" && character !== "\t" && DRAWS_NOTHING.test(character);

/** The letters of a word that are not of the alphabet most of it is written in. @param {string} word */
function strangers(word) {
  const counts = LETTER_OF.map((letter) => word.match(letter)?.length ?? 0);
  const most = counts.indexOf(Math.max(...counts));
  const others = SCRIPTS.filter((_, index) => index !== most && counts[index]);
  return others.length ? new RegExp(others.map((script) => `\\p{Script=${script}}`).join("|"), "u") : /(?!)/u;
}
