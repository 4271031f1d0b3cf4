"""Downloads that go on where they were cut off, and that are what their publisher says they are."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import urllib3

from pipeline.errors import MarsadError

ATTEMPTS: Final = 5
LARGEST: Final = 4 << 30  # bytes
PIECE: Final = 1 << 18
TIMEOUT: Final = urllib3.Timeout(connect=15, read=60)
Watch = Callable[[str, int, int | None], None]  # file, bytes so far, bytes in all


class FetchError(MarsadError):
    """A download failed; what was there before is still there."""


class Downloads:
    """Fetches into one folder.  `proxies` is scheme -> URL, as `urllib.request.getproxies` gives it."""

    def __init__(
        self,
        folder: Path,
        proxies: Mapping[str, str] | None = None,
        watch: Watch | None = None,
        pause: float = 2.0,
        largest: int = LARGEST,
    ) -> None:
        self.folder = folder
        self._proxies = proxies or {}
        self._watch = watch or (lambda _name, _done, _all: None)
        self._pause = pause  # seconds before the second attempt, doubled before each further one
        self._largest = largest

    def json(self, url: str) -> Any:
        """A small JSON document.

        Raises `FetchError`.
        """
        try:
            answer = self._pool(url).request("GET", url, timeout=TIMEOUT, retries=urllib3.Retry(2))
        except urllib3.exceptions.HTTPError as failed:
            raise FetchError(f"{url}: {_told(failed)}") from failed
        if answer.status != 200:
            raise FetchError(f"{url}: answered {answer.status} {answer.reason or ''}".rstrip())
        try:
            return msgspec.json.decode(answer.data)
        except msgspec.MsgspecError as wrong:
            raise FetchError(f"{url}: not JSON ({wrong})") from wrong

    def file(self, url: str, sha256: str | None = None) -> Path:
        """The file at `url`, whole; a download that was cut off before goes on from there.

        Raises `FetchError` where the server refuses, the connection fails time and again, the file is
        larger than the limit, shorter than it was announced, or not of the digest that was announced.
        """
        name = urlsplit(url).path.rpartition("/")[2] or "download"
        whole, part = self.folder / name, self.folder / f"{name}.part"
        self.folder.mkdir(parents=True, exist_ok=True)
        told = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(self._pause * 2 ** (attempt - 1))
            try:
                self._go_on(url, name, part)
            except (urllib3.exceptions.HTTPError, _CutOffError) as failed:
                told = _told(failed)
                continue
            except OSError as failed:
                raise FetchError(f"{part} cannot be written: {failed.strerror}") from failed
            break
        else:
            raise FetchError(
                f"{url}: {told} ({ATTEMPTS} attempts); what has arrived is kept, call again to go on"
            )
        if sha256 is not None and _sha256(part) != sha256.lower():
            part.unlink()
            raise FetchError(f"{url}: not the file that was announced (SHA-256 differs from {sha256[:16]}…)")
        self._tag(part).unlink(missing_ok=True)
        part.replace(whole)
        return whole

    def _go_on(self, url: str, name: str, part: Path) -> None:
        """Ask for what is still missing and write it."""
        have = part.stat().st_size if part.exists() else 0
        tag = self._tag(part)
        headers = {"Accept-Encoding": "identity"}
        if have and tag.exists():
            headers |= {"Range": f"bytes={have}-", "If-Range": tag.read_text(encoding="utf-8")}
        answer = self._pool(url).request(
            "GET",
            url,
            headers=headers,
            preload_content=False,
            timeout=TIMEOUT,
            retries=urllib3.Retry(0, redirect=5),
        )
        try:
            if answer.status in {408, 429} or answer.status >= 500:
                raise _CutOffError(f"answered {answer.status} {answer.reason or ''}".rstrip())
            if answer.status == 416:
                part.unlink()
                raise _CutOffError("the file on the server is another one by now")
            if answer.status not in {200, 206}:
                raise FetchError(f"{url}: answered {answer.status} {answer.reason or ''}".rstrip())
            start = have if answer.status == 206 else 0
            length = answer.headers.get("Content-Length", "")
            total = start + int(length) if length.isdigit() else None
            if total is not None and total > self._largest:
                raise FetchError(f"{url}: {total:,} bytes; more than {self._largest:,} are not fetched")
            mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
            if mark and not mark.startswith("W/"):
                tag.write_text(mark, encoding="utf-8")
            else:
                tag.unlink(missing_ok=True)
            done = start
            with part.open("ab" if start else "wb") as file:
                for piece in answer.stream(PIECE):
                    done += file.write(piece)
                    if done > self._largest:
                        raise FetchError(f"{url}: more than {self._largest:,} bytes; it is not fetched")
                    self._watch(name, done, total)
            if total is not None and done < total:
                raise _CutOffError(f"cut off after {done:,} of {total:,} bytes")
        finally:
            answer.close()
            answer.release_conn()

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise FetchError(f"{url!r} is not an http or https address")
        proxy = self._proxies.get(parts.scheme)
        return urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()

    def _tag(self, part: Path) -> Path:
        """Where it is noted which state of the file a partial download is of."""
        return part.with_name(f"{part.name}.tag")


class _CutOffError(Exception):
    """The next attempt may succeed."""


def _told(failed: Exception) -> str:
    reason = getattr(failed, "reason", None) or failed
    return str(reason).partition(": ")[2] or str(reason) or type(failed).__name__


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
