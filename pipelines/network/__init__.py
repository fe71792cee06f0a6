"""Network KPIs of cells and the history of the CRM."""
