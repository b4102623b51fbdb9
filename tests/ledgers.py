"""Rows of a stage's ledger for tests: what stands there of a study that is done, or set aside."""

_DIGEST = "0" * 64


def ledger_row(
    study_id: str, *, source: str = _DIGEST, stage: str = _DIGEST, attempts: int = 1, reason: str | None = None
) -> dict[str, object]:
    """The row of one study; with a reason it is quarantined."""
    return {
        "study_id": study_id,
        "source_fingerprint": source,
        "stage_fingerprint": stage,
        "status": "quarantined" if reason else "ok",
        "reason": reason,
        "attempts": attempts,
        "output_sha256": _DIGEST,
    }
