"""Pieces of the HTML reports: inline SVG and the wording of figures, used by the rehearsal and the monitor."""
