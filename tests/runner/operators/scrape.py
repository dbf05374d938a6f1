"""GET /metrics, read as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families

from tests.serving import Served

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """The samples of a scrape, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scrape(http: Served) -> Samples:
    """The samples that `GET /metrics` answers."""
    async with http.session.get(f"{http.url}/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain")
        return samples(await response.text())
