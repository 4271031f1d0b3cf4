"""How one text became what it is searched by: each step that changed it, in order."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Final

from pipeline.text.clean import clean_batch
from pipeline.text.fold import ARABIC_BLOCKS, fold, inside
from pipeline.text.marks import find_marks
from pipeline.text.normalize import normalize

_DROPPED: Final = ("invisible signs", "vowel marks", "tatweel")
_STEPS: Final = (*_DROPPED, "letters", "digits", "case and accents", "signs")
_SHOWN: Final = 8  # changes of one step that are told one by one


def explain_text(raw: str) -> list[str]:
    """Lines that say what each step changed; a step that changed nothing is not told.

    First what makes `text_clean`, then what else makes `text_normalized`, then what was taken as one piece.

    >>> print("\\n".join(explain_text("إدلــب ٣ قتلى ههههه")))
    clean       إدلب ٣ قتلى ههههه
      tatweel dropped: 2
    normalized  ادلب 3 قتلي ه
      letters: إ → ا, ى → ي
      digits: ٣ → 3
      elongation: ههههه → ه
    """
    lines: list[str] = []
    clean = clean_batch([raw])[0]
    if clean != raw:
        lines += [f"clean       {clean}", *_cleaned(raw, clean)]
    normalized = normalize(raw)
    if normalized.text != clean:
        lines += [f"normalized  {normalized.text}", *_folded(clean)]
    return lines + _masked(raw)


def _cleaned(raw: str, clean: str) -> list[str]:
    lines = []
    gone = Counter(raw) - Counter(clean)
    unseen = [char for char in gone if unicodedata.category(char) in {"Cf", "Cc"} and char not in "\r\n"]
    if unseen:
        told = ", ".join(_name(char) for char in unseen[:_SHOWN])
        lines.append(f"  invisible signs dropped: {sum(gone[char] for char in unseen)} ({told})")
    forms = [char for char in gone if ord(char) >= 0xFB50 and inside(ord(char), ARABIC_BLOCKS)]
    if forms:
        told = ", ".join(f"{char} → {clean_batch([char])[0]}" for char in forms[:_SHOWN])
        lines.append(f"  presentation forms undone: {told}")
    tatweel = raw.count("\N{ARABIC TATWEEL}") - clean.count("\N{ARABIC TATWEEL}")
    if tatweel > 0:
        lines.append(f"  tatweel dropped: {tatweel}")
    if any(char.isspace() and char not in " \n\t" for char in raw):
        lines.append("  spaces and line breaks: one kind of each")
    if not unicodedata.is_normalized("NFC", raw):
        lines.append("  letters and their marks: composed (NFC)")
    return lines


def _folded(clean: str) -> list[str]:
    changes: dict[str, Counter[str]] = {step: Counter() for step in _STEPS}
    letters: list[str] = []
    for char in clean:
        folded = fold(char)
        letters.append(folded)
        if folded != char and not char.isspace():
            changes[_step_of(char)][char] += 1
    lines = []
    for step, counts in changes.items():
        if not counts:
            continue
        if step in _DROPPED:
            lines.append(f"  {step} dropped: {sum(counts.values())}")
            continue
        told = [f"{char} → {fold(char).strip() or 'space'}" for char in list(counts)[:_SHOWN]]
        more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
        lines.append(f"  {step}: {', '.join(told)}{more}")
    return lines + _shortened("".join(letters))


def _step_of(char: str) -> str:
    category, code = unicodedata.category(char), ord(char)
    if char == "\N{ARABIC TATWEEL}":
        return "tatweel"
    if category in {"Cf", "Cc"} or (category == "Mn" and code >= 0xFE00):  # variation selectors
        return "invisible signs"
    if category == "Mn":
        return "vowel marks"
    if category[0] == "N":
        return "digits"
    if category[0] in "PSZ":
        return "signs"
    return "letters" if inside(code, ARABIC_BLOCKS) else "case and accents"


def _shortened(folded: str) -> list[str]:
    """What elongation and spare spaces added, told word by word."""
    lines = []
    long = [(word, normalize(word).text) for word in dict.fromkeys(folded.split())]
    told = [f"{word} → {short}" for word, short in long if word != short]
    if told:
        more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        lines.append(f"  elongation: {', '.join(told[:_SHOWN])}{more}")
    if " ".join(folded.split()) != folded:
        lines.append("  spaces: runs to one, none at the ends")
    return lines


def _masked(raw: str) -> list[str]:
    marks = find_marks([raw])
    phones = set(marks.phone_spans[0])
    lines = [
        f"{'phone' if span in phones else 'one piece':10}  {span.of(raw)}" for span in marks.opaque_spans[0]
    ]
    for name, words in zip(marks.hashtags[0], marks.hashtag_words[0], strict=True):
        lines.append(f"hashtag     #{name}: {words}")
    if marks.emoji[0]:
        lines.append(f"emoji       {' '.join(marks.emoji[0])}")
    return lines


def _name(char: str) -> str:
    return unicodedata.name(char, f"U+{ord(char):04X}").lower()
