"""A synthetic telecom operator: raw tables with the statistical properties of the field, deterministic by seed.

>>> from seatrial.telecom import TelecomSpec, generate
>>> tables = generate(TelecomSpec(subscribers=50, days=7, seed=1))
>>> sorted(tables)
['billing', 'care', 'cdr', 'crm', 'labels', 'network_kpi']
>>> tables["crm"].num_rows
50
"""

from seatrial.telecom.population import Population, bayes_auc, draw_population
from seatrial.telecom.spec import Scenario, TelecomSpec
from seatrial.telecom.tables import generate, write

__all__ = ["Population", "Scenario", "TelecomSpec", "bayes_auc", "draw_population", "generate", "write"]
