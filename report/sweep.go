package report

// SummaryColumns are the names of summary.csv's columns, for tables that begin with
// columns of their own.
func SummaryColumns() []string { return summaryNames() }

// SummaryCells gives an entry's row of summary.csv.
func SummaryCells(e Entry) []string {
	row := summaryRow(e.figures())
	out := make([]string, len(row))
	for i, c := range row {
		out[i] = c.text
	}
	return out
}

// Number writes a number as CSV files hold it; empty where it does not apply.
func Number(v float64) string { return num(v).text }

// Human writes a number for reading.
func Human(v float64) string { return human(v) }
