"""Keys: made once, good for their scopes, revoked at once, and never written down."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from attrition_assets.errors import KeyFileError
from attrition_assets.serving.keys import KeyRing, Scope

NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path)


def test_a_key_is_known_by_its_secret_until_it_is_revoked(ring: KeyRing) -> None:
    payroll = ring.add("payroll", (Scope.PREDICT,), NOW)
    other = ring.add("dashboard", (Scope.READ, Scope.FLAGGED), NOW)
    reader = KeyRing(ring.home)  # as a server that was started before
    for secret, name in ((payroll, "payroll"), (other, "dashboard")):
        found = reader.find(secret)
        assert found is not None
        assert found.name == name
    ring.revoke("payroll")
    assert reader.find(payroll) is None
    assert reader.find(other) is not None


def test_the_file_holds_no_secret_and_nobody_else_reads_it(ring: KeyRing) -> None:
    secret = ring.add("payroll", (Scope.PREDICT,), NOW)
    assert secret not in ring.path.read_text("utf-8")
    assert ring.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("secret", ["", "guess", "é"])
def test_what_is_no_secret_finds_nothing(ring: KeyRing, secret: str) -> None:
    assert ring.find(secret) is None
    ring.add("payroll", (Scope.PREDICT,), NOW)
    assert ring.find(secret) is None


def test_a_name_is_used_once_and_needs_a_scope(ring: KeyRing) -> None:
    ring.add("payroll", (Scope.PREDICT,), NOW)
    with pytest.raises(KeyFileError, match="there is a key 'payroll'"):
        ring.add("payroll", (Scope.READ,), NOW)
    with pytest.raises(KeyFileError, match="at least one --scope"):
        ring.add("other", (), NOW)
    with pytest.raises(KeyFileError, match=r"no key 'pay'; there are: payroll"):
        ring.revoke("pay")
    assert [key.name for key in ring.read()] == ["payroll"]


def test_a_file_that_was_changed_is_told(ring: KeyRing) -> None:
    ring.add("payroll", (Scope.PREDICT,), NOW)
    ring.path.write_text("[]x")
    with pytest.raises(KeyFileError, match="is not as it was written"):
        ring.find("anything")
