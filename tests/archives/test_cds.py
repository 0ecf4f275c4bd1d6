"""The Climate Data Store, by a stand-in for its client: requests, answers, refusals."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from archive_files import field, write
from archive_server import Archive, serving

from wdno.archives import cds
from wdno.archives.dialects import open_records
from wdno.archives.errors import RecordError
from wdno.archives.months import Month
from wdno.archives.space import Region

REGION = Region(52, -2, 50, 2)
QUICK = (0.01, 0.01)


def _month(request: dict[str, Any], target: Path) -> None:
    """Answer with the hours of a month, in the new names."""
    start = f"{request['year'][0]}-{request['month'][0]}-01T00"
    hours = np.arange(0, 24 * len(request["day"]), 24 // len(request["time"]))
    array = field(hours, start=start).rename(time="valid_time")[:, ::-1]
    write(target, array.assign_coords(number=0))


class Client:
    """Answers as it is told to, and remembers what it was asked for."""

    def __init__(self, answer: Callable[[dict[str, Any], Path], None] = _month) -> None:
        self.answer = answer
        self.errors: list[Exception] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def retrieve(self, name: str, request: dict[str, Any], target: str) -> None:
        self.asked.append((name, request))
        if self.errors:
            raise self.errors.pop(0)
        self.answer(request, Path(target))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDNO_CACHE", str(tmp_path / "cache"))


def _fetch(client: Client, every: int = 6, **changed: Any) -> list[Path]:
    options = {"variable": "2m_temperature", "level": None, "region": REGION, "years": [2020]}
    return cds.fetch(**{**options, **changed}, every=every, client=lambda: client, waits=QUICK)


def _refusal(status: int, text: str) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(text, response=response)


def test_a_request_names_what_is_wanted() -> None:
    asked = cds.request("temperature", 500, REGION, Month(2020, 2, 12))
    assert asked == {
        "product_type": ["reanalysis"],
        "variable": ["temperature"],
        "year": ["2020"],
        "month": ["02"],
        "day": [f"{day:02d}" for day in range(1, 30)],
        "time": ["00:00", "12:00"],
        "area": [52, -2, 50, 2],
        "data_format": "netcdf",
        "download_format": "unarchived",
        "pressure_level": ["500"],
    }


def test_a_year_is_twelve_requests_and_then_none() -> None:
    client = Client()
    paths = _fetch(client)
    assert len(client.asked) == 12
    assert {name for name, _ in client.asked} == {"reanalysis-era5-single-levels"}
    array = open_records(paths, "2m_temperature", None)
    assert array.sizes["time"] == 366 * 4
    _fetch(client)
    assert len(client.asked) == 12, "what is in the cache is not asked for again"
    _fetch(client, region=Region(52, -2, 51, 2))
    assert len(client.asked) == 24, "another region has answers of its own"


def test_an_interruption_keeps_the_months_that_are_done() -> None:
    client = Client()

    def interrupted(request: dict[str, Any], target: Path) -> None:
        if request["month"] == ["04"]:
            target.write_bytes(b"half")
            raise KeyboardInterrupt
        _month(request, target)

    client.answer = interrupted
    with pytest.raises(KeyboardInterrupt):
        _fetch(client)
    client.answer = _month
    paths = _fetch(client)
    assert [request["month"][0] for _, request in client.asked[4:]] == [
        f"{month:02d}" for month in range(4, 13)
    ]
    left = sorted(p.name for p in paths[0].parent.iterdir())
    assert left == [*(p.name for p in paths), "request.json"]


@pytest.mark.parametrize("status", [429, 502])
def test_a_busy_store_is_asked_again(status: int) -> None:
    client = Client()
    client.errors = [_refusal(status, "busy"), _refusal(status, "busy")]
    _fetch(client)
    assert len(client.asked) == 14


def test_answers_packed_as_zip_are_unpacked() -> None:
    def packed(request: dict[str, Any], target: Path) -> None:
        _month(request, target.with_suffix(".instant"))
        rain = field(3, name="tp")
        write(target.with_suffix(".accum"), rain)
        with zipfile.ZipFile(target, "w") as archive:
            for kind in ("accum", "instant"):
                archive.write(target.with_suffix(f".{kind}"), f"data_stepType-{kind}.nc")
                target.with_suffix(f".{kind}").unlink()

    paths = _fetch(Client(packed))
    assert open_records(paths, "2m_temperature", None).sizes["time"] == 366 * 4
    with pytest.raises(RecordError, match=r"no file of the answer.*accum.nc: .*it has tp"):
        _fetch(Client(packed), variable="surface_pressure")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            _refusal(401, "Unauthorized"),
            r"not accepted.*`12345:abcd\.\.\.`.*copy the token, without",
        ),
        (
            _refusal(403, "403: required licences not accepted"),
            r"accept the licence once, in the browser.*reanalysis-era5-single-levels\?tab=download",
        ),
        (_refusal(400, "cost limits exceeded, your request is too large"), "a smaller `region`"),
        (_refusal(404, "no such data set"), "no such data set"),
    ],
)
def test_refusals_say_what_to_do(error: Exception, message: str) -> None:
    client = Client()
    client.errors = [error]
    with pytest.raises(RecordError, match=message):
        _fetch(client)
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda request, target: None, "answered without a file"),
        (lambda request, target: target.write_bytes(b"<html>"), "not a NetCDF or GRIB file"),
        (
            lambda request, target: write(target, field(100)),
            r"107 of the 124 times of 2020-01 are not in the answer, first 2020-01-05T06",
        ),
    ],
)
def test_answers_that_are_not_whole_are_not_kept(
    tmp_path: Path, answer: Callable[[dict[str, Any], Path], None], message: str
) -> None:
    with pytest.raises(RecordError, match=message):
        _fetch(Client(answer))
    assert not list(tmp_path.rglob("*.nc"))


def _store(archive: Archive, folder: Path) -> None:
    """Make a server answer as the Climate Data Store answers cdsapi 0.7."""
    name = "reanalysis-era5-single-levels"
    process = f"/api/retrieve/v1/processes/{name}"
    archive.files[process] = json.dumps({"id": name}).encode()

    def post(path: str, body: bytes) -> bytes | int:
        if path != f"{process}/execution":
            return 404
        request = json.loads(body)["inputs"]
        number = request["month"][0]
        _month(request, folder / "answer.nc")
        content = (folder / "answer.nc").read_bytes()
        asset = {"value": {"href": f"{archive.url}/{number}.nc", "file:size": len(content)}}
        job = f"/api/retrieve/v1/jobs/{number}"
        archive.files[f"/{number}.nc"] = content
        archive.files[job] = json.dumps({"jobID": number, "status": "successful"}).encode()
        archive.files[f"{job}/results"] = json.dumps({"asset": asset}).encode()
        links = [{"rel": "monitor", "href": archive.url + job}]
        return json.dumps({"jobID": number, "status": "accepted", "links": links}).encode()

    archive.post = post


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_cdsapi_is_spoken_to_as_it_expects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cdsapi", reason="cdsapi is optional")
    with serving(Archive()) as archive:
        _store(archive, tmp_path)
        monkeypatch.setenv("CDSAPI_URL", f"{archive.url}/api")
        monkeypatch.setenv("CDSAPI_KEY", "abcdef")
        paths = cds.fetch("2m_temperature", None, REGION, [2020], 12)
        array = open_records(paths, "2m_temperature", None)
        assert array.sizes["time"] == 366 * 2
        archive.post = lambda path, body: 401
        with pytest.raises(RecordError, match=r"401.*the key is not accepted"):
            cds.fetch("2m_temperature", None, REGION, [2021], 12)


def test_a_key_of_the_old_form_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cdsapi", reason="cdsapi is optional")
    monkeypatch.setenv("CDSAPI_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("CDSAPI_KEY", "12345:abcdef")
    with pytest.raises(RecordError, match=r"of the form `12345:abcd...`, which ended in 2024"):
        cds.fetch("2m_temperature", None, REGION, [2020], 6)


def test_a_missing_key_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cdsapi", reason="cdsapi is optional")
    for name in ("CDSAPI_URL", "CDSAPI_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CDSAPI_RC", str(tmp_path / "absent"))
    with pytest.raises(RecordError, match=r"no access to the Climate Data Store.*~/.cdsapirc"):
        cds.fetch("2m_temperature", None, REGION, [2020], 6)
