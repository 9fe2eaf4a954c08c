"""The parts of the HTML page: each module makes the values of one section, the templates beside them lay them out."""
