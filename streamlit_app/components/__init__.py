"""Parts that several pages share: the live chart, tables, notices."""
