"""Select the rows of a table that have given labels, or those of each cell."""

import pandas as pd

from lstm_bench.analysis.frames import StudyData


def rows_where(table: pd.DataFrame, **labels: object) -> pd.DataFrame:
    """Return the rows whose columns have these values: `rows_where(curves, cell="lstm", lag=8)`."""
    for column, value in labels.items():
        table = table.loc[table[column] == value]
    return table


def rows_by_cell(study: StudyData, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each cell of a study, in its order; cells without rows are left out."""
    of_cells = {cell: rows_where(table, cell=cell) for cell in study.cells}
    return {cell: rows for cell, rows in of_cells.items() if len(rows)}


def absent_cells(study: StudyData, table: pd.DataFrame) -> list[str]:
    """Return the cells of a study that have no rows in a table."""
    return [cell for cell in study.cells if not (table["cell"] == cell).any()]
