"""The money: do the books balance, and does what the ledgers say is held for clients lie in the client accounts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from portability.formats.readme.facts import ReadmeFacts
from portability.formats.readme.markup import Content, Html, element, join, table
from portability.formats.readme.words import amount, code_words, number
from portability.formats.summary import Ledgers
from portability.plurals import counted

__all__ = ["money_section", "money_verdict"]

_ORDER = (
    "matter_client",
    "matter_designated_deposit",
    "bank_client",
    "matter_office",
    "bank_office",
    "nominal_income",
    "nominal_expense",
    "nominal_asset",
    "nominal_liability",
    "nominal_equity",
    "vat",
    "control",
)
_FIGURES = {
    "unbilled_time": "Unbilled time",
    "unbilled_disbursements": "Unbilled disbursements",
    "bills_issued": "Bills issued, all years",
    "bills_unpaid": "Bills not yet paid",
}


def money_verdict(facts: ReadmeFacts) -> Iterator[tuple[bool, Content]]:
    """Yield whether client money agrees, for the head of the page."""
    for books in facts.summary.ledgers:
        held = amount(books.client_ledgers, books.currency)
        if Decimal(books.difference):
            difference = amount(books.difference, books.currency)
            yield False, f"Client ledgers and client cash books differ by {difference}."
        else:
            yield True, f"Client ledgers and client cash books agree to the penny: {held}."
        if Decimal(books.trial_difference):
            difference = amount(books.trial_difference, books.currency)
            yield False, f"The trial balance does not balance: debits and credits differ by {difference}."
        else:
            yield True, f"The trial balance balances: {amount(books.debits, books.currency)} on either side."


def money_section(facts: ReadmeFacts) -> Html:
    """Return the reconciliation, the trial balance and what is unpaid."""
    if not facts.summary.counts:
        return Html("")
    parts = [_books(books) for books in facts.summary.ledgers]
    if not parts:
        parts = [element("p", "The system exported from has no ledgers, or none that this archive maps.")]
    return join([*parts, _figures(facts)])


def _books(books: Ledgers) -> Html:
    currency = books.currency
    rows = [
        ("Held for clients, by the client ledgers", amount(books.client_ledgers, currency)),
        ("In client accounts, by the cash books", amount(books.client_cash_books, currency)),
        (element("strong", "Difference"), element("strong", amount(books.difference, currency))),
    ]
    return join(
        [
            table(f"Client money ({currency})", ("Figure", "Amount"), rows),
            element("p", *_client_sentences(books)),
            element("p", *_trial_sentences(books)),
            _trial_balance(books),
        ]
    )


def _client_sentences(books: Ledgers) -> Iterator[Content]:
    if Decimal(books.difference):
        more = "more" if Decimal(books.difference) > 0 else "less"
        size = amount(books.difference.lstrip("-"), books.currency)
        yield element("strong", f"The client ledgers show {size} {more} than the client cash books. ")
        yield "The books were like this in the old system; find the cause before they are opened in a new one "
        yield "(SRA Accounts Rule 8.3). "
    else:
        yield element("strong", "The two agree to the penny. ")
    if books.overdrawn_client_ledgers:
        yield f"{counted(books.overdrawn_client_ledgers, 'client ledger')} in debit (SRA Accounts Rule 5.3). "
    else:
        yield "No client ledger is in debit. "
    if books.stated_balances:
        yield f"The old system states a balance for {counted(books.stated_balances, 'account')}: "
        wrong = books.wrong_balances
        yield (
            f"{counted(wrong, 'differs from its entries.', 'differ from their entries.')}"
            if wrong
            else "each equals the sum of its entries."
        )


def _trial_sentences(books: Ledgers) -> Iterator[Content]:
    total = amount(books.debits, books.currency)
    if Decimal(books.trial_difference):
        credited, difference = (amount(text, books.currency) for text in (books.credits, books.trial_difference))
        yield element("strong", f"The trial balance does not balance: debits {total}, credits {credited}, ")
        yield element("strong", f"difference {difference}.")
    else:
        yield element("strong", f"The trial balance balances: debits and credits are {total} each.")


def _trial_balance(books: Ledgers) -> Html:
    known = {name: at for at, name in enumerate(_ORDER)}
    rows = []
    for each in sorted(books.classes, key=lambda c: (known.get(c.account_class, len(known)), c.account_class, c.side)):
        balance = Decimal(each.balance)
        side = "" if not balance else " Dr" if balance > 0 else " Cr"
        shown = f"{amount(str(abs(balance)), books.currency)}{side}"
        figures = (amount(each.debits, books.currency), amount(each.credits, books.currency), shown)
        rows.append((code_words(each.account_class), number(each.accounts), *figures))
    total = (amount(books.debits, books.currency), amount(books.credits, books.currency))
    rows.append(("All accounts", number(sum(each.accounts for each in books.classes)), *total, ""))
    header = ("Class of account", "Accounts", "Debits", "Credits", "Balance")
    return table(f"Trial balance by class of account ({books.currency})", header, rows, numeric=4)


def _figures(facts: ReadmeFacts) -> Html:
    rows = [
        (_FIGURES.get(each.name, code_words(each.name)), number(each.count), amount(each.amount, each.currency))
        for each in facts.summary.figures
        if each.count
    ]
    header = ("Figure", "Number", "Amount")
    return table("Work in progress and bills", header, rows, numeric=2) if rows else Html("")
