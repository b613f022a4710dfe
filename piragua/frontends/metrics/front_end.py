"""Metrics for Prometheus: what is gathered beside the service, and the route that shows it."""

from piragua.config import Settings
from piragua.core import Core
from piragua.frontends.front_end import FrontEnd
from piragua.frontends.metrics.instance import samples_of
from piragua.frontends.metrics.metrics_routes import metrics_router
from piragua.frontends.metrics.pool import Pool
from piragua.frontends.metrics.quotad import QuotaDaemons
from piragua.frontends.metrics.scrape import Scrape
from piragua.frontends.metrics.settings import MetricsSettings
from piragua.frontends.metrics.volumes import VolumeSamples


def front_end(core: Core, settings: Settings) -> FrontEnd:
    """/metrics, among the paths of others."""
    own = settings.of(MetricsSettings)
    pool = Pool(
        core.inventories, core.topology, core.devices, core.across_instances, problems=core.health.problems
    )
    quota_daemons = QuotaDaemons(core.quota_daemons, list(core.inventories))
    volumes = VolumeSamples(pool.listed, core.usages, most_volumes=own.metrics_volumes, names=own.metrics_names)
    more = [lambda: samples_of(core.instance), quota_daemons.samples]
    scrape = Scrape(pool, core.counters, more, volumes.samples)
    return FrontEnd([metrics_router(scrape.text)], keeps=[pool.keep, quota_daemons.keep], about="")
