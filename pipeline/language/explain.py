"""Which letters and words decided the language of one text."""

from __future__ import annotations

import numpy as np

from pipeline.language import detect, find_segments
from pipeline.language.cascade import read_languages
from pipeline.language.letters import GROUPS
from pipeline.language.vocabulary import joined_words, languages_of
from pipeline.language.words import function_languages
from pipeline.text import find_marks, normalize_batch, tokenize

_HOW = {
    "noletters": "no letters",
    "letters": "letters that only this language has",
    "words": "function words and articles",
    "arabizi": "words and digits of Arabic in Latin letters",
    "vocabulary": "everyday words",
    "script": "its script alone",
    "mixed": "two scripts, none of them a mere name",
    "lines": "lines in several languages",
}


def explain_language(text: str, detector: str = "langdetect") -> list[str]:
    """Lines that say the verdict, the letters and words that spoke for it, and the segments of a mixed text.

    >>> for line in explain_language("قصف على البلدة")[1:]:
    ...     print(line)
    letters     12 Arabic (ar 1, ar_shared 1)
    words       علي: ar
    also        article: 1
    """
    tokens = tokenize(normalize_batch([text]), find_marks([text]))
    readings = read_languages(tokens, detector)
    language = detect(tokens, detector)[0]
    how = _HOW.get(language.method, f"asked of {language.method}")
    lines = [f"language    {language.tag}, confidence {language.confidence:.2f}: {how}"]
    letters = readings.letters
    counts = {group: int(letters.of(group)[0]) for group in GROUPS[1:]}
    for script, total, groups in (
        ("Arabic", letters.arabic, GROUPS[9:19]),
        ("Latin", letters.latin, GROUPS[2:8]),
        ("other", letters.other, ()),
    ):
        if total[0]:
            own = ", ".join(f"{group} {counts[group]}" for group in groups if counts[group])
            lines.append(f"letters     {total[0]} {script}" + (f" ({own})" if own else ""))
    words = list(dict.fromkeys(joined_words(tokens, 0, bool(letters.tags_count[0]))))
    spoke = [f"{word}: {'/'.join(found)}" for word in words if (found := function_languages(word))]
    if spoke:
        lines.append(f"words       {', '.join(spoke)}")
    if language.method == "vocabulary":
        everyday = [f"{word}: {'/'.join(tags)}" for word in words if (tags := languages_of(word))]
        lines.append(f"vocabulary  {', '.join(everyday)}")
    signs = {"article": readings.words.article, "digits for letters": readings.words.chat_digits}
    lines += [f"{'also':10}  {name}: {float(count[0]):g}" for name, count in signs.items() if np.any(count)]
    for segment in find_segments(tokens, [language], detector)[0]:
        lines.append(f"segment     {segment.tag} {segment.script}: {segment.span.of(text)}")
    return lines
