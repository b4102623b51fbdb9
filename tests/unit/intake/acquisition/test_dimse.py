"""No answer of a PACS is lost on the way to who asked, however quick it comes."""

import pytest
from building import free_port
from pynetdicom.dimse_primitives import C_ECHO

from cxr_core.intake.sources import dimse
from cxr_core.intake.sources.arrivals import Arrivals
from cxr_core.intake.sources.storage_service import storage_service
from cxr_core.settings.pacs import PacsSettings, Way


def test_only_who_asks_takes_an_answer_off_an_association(monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals, port = Arrivals(lambda *_: None), free_port()
    ours = PacsSettings(host="127.0.0.1", port=port, ae_title="HILUM", listen_host="127.0.0.1", listen_port=port)
    with storage_service(ours, arrivals):
        peer = dimse.DimsePeer(ours, Way.PACS_MOVE, arrivals)
        association = peer._open()
        answer = C_ECHO()
        association.dimse.msg_queue.put((1, answer))
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(dimse, "current_thread", lambda: association)
            assert association.dimse.get_msg(block=False) == (None, None)
        assert association.dimse.get_msg(block=True) == (1, answer)
        peer.close()


def test_the_test_of_a_connection_tells_what_is_refused() -> None:
    arrivals, port = Arrivals(lambda *_: None), free_port()
    ours = PacsSettings(host="127.0.0.1", port=port, ae_title="HILUM", listen_host="127.0.0.1", listen_port=port)
    with storage_service(ours, arrivals):
        peer = dimse.DimsePeer(ours, Way.PACS_MOVE, arrivals)
        assert peer.echo()[1:] == ["C-FIND: refused", "C-MOVE: refused"]
        peer.close()
