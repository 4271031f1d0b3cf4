"""Tells people that a run failed: a command, a web hook, a mail.  Never with the content of posts."""

from __future__ import annotations

import json
import logging
import os
import smtplib
import ssl
import subprocess
import urllib.request
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any, Final

from pipeline.config import OnFailure
from pipeline.jobs.run import Outcome

PATIENCE: Final = 30  # seconds for a command or an answer

_log = logging.getLogger(__name__)


def notify(hooks: OnFailure, dataset: str, outcomes: Sequence[Outcome]) -> list[str]:
    """Call every hook once for the outcomes that failed; what went wrong with the hooks, a sentence each.

    A hook that fails is told and logged, and changes nothing of the run's own exit code.
    """
    failed = [outcome for outcome in outcomes if outcome.exit_code]
    if not failed:
        return []
    facts = {"dataset": dataset, "failed": [_facts(outcome) for outcome in failed]}
    wrong = []
    for name, call in (("command", _command), ("webhook", _webhook), ("mail", _mail)):
        if getattr(hooks, name) is None:
            continue
        try:
            call(hooks, facts)
        except (OSError, subprocess.SubprocessError, smtplib.SMTPException, ValueError) as refused:
            wrong.append(f"on_failure.{name}: {refused}")
            _log.error("on_failure.%s failed: %s", name, type(refused).__name__)
    return wrong


def _facts(outcome: Outcome) -> dict[str, Any]:
    return {
        "source": outcome.source,
        "kind": outcome.kind,
        "run": outcome.run_id,
        "exit_code": outcome.exit_code,
        "error": outcome.error,
        "read": outcome.books.read,
        "rejected": outcome.books.rejected,
    }


def _command(hooks: OnFailure, facts: dict[str, Any]) -> None:
    """The facts come as JSON on its standard input, the names of the sources as its arguments."""
    assert hooks.command is not None
    sources = [one["source"] for one in facts["failed"]]
    subprocess.run(  # noqa: S603  the operator's own command, without a shell
        [*hooks.command, *sources],
        input=json.dumps(facts, ensure_ascii=False).encode(),
        timeout=PATIENCE,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "MARSAD_FAILED": " ".join(sources)},
    )


def _webhook(hooks: OnFailure, facts: dict[str, Any]) -> None:
    """A POST with the facts as JSON; any answer but 2xx is a failure."""
    assert hooks.webhook is not None
    request = urllib.request.Request(  # noqa: S310  config allows http and https only
        hooks.webhook,
        data=json.dumps(facts, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "marsad"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310
        pass


def _mail(hooks: OnFailure, facts: dict[str, Any]) -> None:
    mail = hooks.mail
    assert mail is not None
    message = EmailMessage()
    sources = ", ".join(one["source"] for one in facts["failed"])
    message["Subject"] = f"marsad: failed: {sources}"
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    told = (
        f"{one['source']}: exit code {one['exit_code']}: {one['error'] or 'too many rejected rows'}"
        for one in facts["failed"]
    )
    message.set_content(
        "\n".join([f"dataset {facts['dataset']}", "", *told, "", "marsad status tells more."])
    )
    with smtplib.SMTP(mail.host, mail.port, timeout=PATIENCE) as server:
        if mail.tls:
            server.starttls(context=ssl.create_default_context())
        if mail.user and mail.password:
            server.login(mail.user, mail.password)
        server.send_message(message)
