"""Pseudonyms: what stands in place of a value, the same for the same value wherever it stands.

Everything is made with HMAC-SHA256 under one key, apart for each kind, so that equal values of a kind stay equal in all
tables and columns (joins hold) and nobody without the key can tell what they were. With the key, or by guessing among
few possible values with it, a pseudonym leads back: the result is personal data still, for whoever holds the key.

References are put in place of references by a keyed permutation of all texts of the same shape, letter of a script for
letter of that script: two different texts never become one, so what was unique stays unique, and the length stays. What
each kind gives is in docs/pseudonyms.md.
"""

from __future__ import annotations

import hmac
import re
import string
import unicodedata
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KINDS", "REDACTED", "Pseudonyms", "fitted"]

REDACTED = "[redacted]"
"""What stands where a text was and is no more."""

KINDS = ("name", "organisation", "initials", "email", "phone", "address", "postcode", "web", "reference", "key", "date")
"""The kinds of pseudonym; equal values are equal again within a kind."""

_SYLLABLES = tuple(first + second for first in "bdfghklmnprstvw" for second in ("a", "e", "i", "o", "u", "an", "er"))
_WORD_SYLLABLES = 4  # 105 ** 4: one pair of equal words among some 15,000 different ones
_COMPANY_SYLLABLES = 5
_TITLES = {"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "dame", "lord", "lady", "rev", "and", "&", "-"}
_FORMS = {"ltd", "ltd.", "limited", "llp", "plc", "&", "and", "of", "the", "co", "co.", "inc", "inc.", "gmbh", "sa"}
_ADDRESS = re.compile(r"[^\s<>;,@\"']+@[^\s<>;,@\"']+")
_ROUNDS = 8
_DAYS_SHOWN = ("%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y", "%d-%m-%Y", "%Y%m%d")
_DIGITS_OF_A_PHONE = 9
_DIGEST_BITS = 256
_SHAPES = (string.digits, string.ascii_uppercase, string.ascii_lowercase)
_BLOCK = 128  # code points: within one, a character set of one byte that has some of a script's letters has the rest
_STREETS = ("Street", "Road", "Lane", "Avenue", "Close", "Way")


class Pseudonyms:
    """Makes pseudonyms under one key.

    Args:
        key: At least 32 random bytes; it goes nowhere.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._makers: dict[str, Callable[[str], str]] = {
            "name": self._name,
            "organisation": self._organisation,
            "initials": self._initials,
            "email": self._email,
            "phone": self._phone,
            "address": self._address_line,
            "postcode": self._postcode,
            "web": self._web,
            "reference": lambda text: self._permuted("reference", text),
            "key": lambda text: self._permuted("key", text),
            "date": self._date_text,
        }

    @property
    def check_value(self) -> str:
        """Tells two keys apart without giving either away: exports with one value can be joined with each other."""
        return self._bytes("check", "value").hex()[:16]

    def text(self, kind: str, value: str) -> str:
        """Return what stands in place of a text; the empty text stays empty."""
        return self._makers[kind](value) if value.strip() else value

    def day(self, value: date) -> date:
        """Return another day of the same year."""
        return date(value.year, 1, 1) + timedelta(days=self._number("date", value.isoformat(), 365))

    def moment(self, value: datetime) -> datetime:
        """Return noon of another day of the same year."""
        return datetime.combine(self.day(value.date()), time(12), value.tzinfo)

    # --- what is drawn -----------------------------------------------------------------------------------------------

    def _bytes(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._key, f"{kind}\0{value}".encode(), "sha256")

    def _number(self, kind: str, value: str, below: int) -> int:
        return int.from_bytes(self._bytes(kind, value)) % below

    def _word(self, kind: str, value: str, syllables: int) -> str:
        number, word = int.from_bytes(self._bytes(kind, value.casefold())), ""
        for _ in range(syllables):
            number, which = divmod(number, len(_SYLLABLES))
            word += _SYLLABLES[which]
        return word.capitalize()

    # --- the kinds ---------------------------------------------------------------------------------------------------

    def _name(self, value: str) -> str:
        """Word by word, so that a surname alone is the surname of the whole name; titles stay."""
        words = re.split(r"(\s+)", value)
        return "".join(
            w if not w.strip() or w.casefold().rstrip(".") in _TITLES else self._word("name", w, _WORD_SYLLABLES)
            for w in words
        )

    def _organisation(self, value: str) -> str:
        forms = [word for word in value.split() if word.casefold() in _FORMS - {"&", "and", "of", "the"}]
        return " ".join([self._word("organisation", value, _COMPANY_SYLLABLES), *forms])

    def _initials(self, value: str) -> str:
        return "".join(
            string.ascii_uppercase[self._number("initials", value[: n + 1], len(string.ascii_uppercase))]
            for n in range(len(value.rstrip()))
        )

    def _email(self, value: str) -> str:
        """Address by address; what stands beside them, such as a name shown, goes."""
        found = [address.casefold() for address in _ADDRESS.findall(value)] or [value.casefold()]
        return "; ".join(f"{self._bytes('email', each).hex()[:16]}@example.org" for each in found)

    def _phone(self, value: str) -> str:
        """A number of a UK range that nobody is given (06)."""
        digits = re.sub(r"\D", "", value) or value
        number = self._number("phone", digits, 10**_DIGITS_OF_A_PHONE)
        shown = f"{number:0{_DIGITS_OF_A_PHONE}d}"
        return f"06{shown[:2]} {shown[2:]}"

    def _address_line(self, value: str) -> str:
        return "\n".join(self._street(line) for line in value.splitlines() if line.strip())

    def _street(self, line: str) -> str:
        house, street = self._number("house", line, 200) + 1, self._number("street", line, len(_STREETS))
        return f"{house} {self._word('address', line, 3)} {_STREETS[street]}"

    def _postcode(self, value: str) -> str:
        """No postcode of the United Kingdom begins with Q."""
        number = self._number("postcode", value.replace(" ", "").upper(), 26 * 90 * 10 * 26 * 26)
        number, area = divmod(number, 26)
        number, district = divmod(number, 90)
        number, sector = divmod(number, 10)
        first, second = divmod(number, 26)
        letters = string.ascii_uppercase
        return f"Q{letters[area]}{district + 10} {sector}{letters[first]}{letters[second]}"

    def _web(self, value: str) -> str:
        return f"https://{self._bytes('web', value).hex()[:12]}.example.org/"

    def _date_text(self, value: str) -> str:
        """A date in the form in which it was typed; what is no date goes."""
        for form in _DAYS_SHOWN:
            try:
                read = datetime.strptime(value.strip(), form).date()  # noqa: DTZ007 -- a day has no time zone
            except ValueError:
                continue
            return self.day(read).strftime(form)
        return REDACTED

    # --- references --------------------------------------------------------------------------------------------------

    def _permuted(self, kind: str, value: str) -> str:
        """Letters for letters, digits for digits, the rest as it is; another value gives another text."""
        alphabets = [_alphabet(character) for character in value]
        size, number = 1, 0
        for character, alphabet in zip(value, alphabets, strict=True):
            if alphabet:
                number = number * len(alphabet) + alphabet.index(character)
                size *= len(alphabet)
        shape = "".join("" if a is None else a[0] for a in alphabets) + "\0" + _rest(value, alphabets)
        number = self._permuted_number(f"{kind}\0{shape}", number, size)
        shown: list[str] = []
        for character, alphabet in zip(reversed(value), reversed(alphabets), strict=True):
            number, which = divmod(number, len(alphabet or " "))
            shown.append(alphabet[which] if alphabet else character)
        return "".join(reversed(shown))

    def octets(self, value: bytes) -> bytes:
        """Return other bytes of the same length for those of a key; others give others."""
        if not value:
            return value
        number = int.from_bytes(value)
        made = self._permuted_number(f"octets\0{len(value)}", number, 1 << 8 * len(value))
        return made.to_bytes(len(value))

    def _permuted_number(self, tweak: str, number: int, size: int) -> int:
        """A balanced Feistel network over the next even number of bits, walked until it lands below ``size``."""
        half = max(1, ((size - 1).bit_length() + 1) // 2)
        mask = (1 << half) - 1
        while True:
            left, right = number >> half, number & mask
            for round_number in range(_ROUNDS):
                drawn = self._drawn(f"{tweak}\0{half}\0{round_number}", right, half)
                left, right = right, left ^ (drawn & mask)
            number = left << half | right
            if number < size:
                return number

    def _drawn(self, tweak: str, right: int, bits: int) -> int:
        pieces = [self._bytes(f"{tweak}\0{n}", f"{right:x}") for n in range(bits // _DIGEST_BITS + 1)]
        return int.from_bytes(b"".join(pieces))


def fitted(text: str, width: int | None) -> str:
    """Cut a text to the width of its column."""
    return text if width is None or len(text) <= width else text[:width].rstrip() or text[:width]


def _alphabet(character: str) -> str | None:
    """Letters of other scripts are letters too: only what is neither letter nor digit may stay as it is."""
    found = next((each for each in _SHAPES if character in each), None)
    return found if found is not None or not character.isalnum() else _neighbours(character)


@lru_cache(maxsize=4_096)
def _neighbours(character: str) -> str:
    """The characters of the same kind around one that is not of ASCII: an alphabet that holds no other one's letters.

    Were it put in place by a letter of ASCII, two keys could become one.
    """
    first, kind = ord(character) // _BLOCK * _BLOCK, unicodedata.category(character)
    block = (chr(number) for number in range(first, first + _BLOCK))
    return "".join(each for each in block if unicodedata.category(each) == kind and each.isalnum())


def _rest(value: str, alphabets: list[str | None]) -> str:
    """What stays: two texts that differ in it are drawn apart."""
    return "".join(c for c, a in zip(value, alphabets, strict=True) if a is None)
