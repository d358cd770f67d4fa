package workloads

import "strings"

// Nearest gives the candidate with the fewest changed letters, the first of
// equals, if at most a third of its letters differ: near enough to be what
// was meant.
func Nearest(s string, candidates []string) (string, bool) {
	const longest = 64 // nobody mistypes a longer name by a letter or two
	if len(s) > longest {
		return "", false
	}
	best, least := "", -1
	for _, c := range candidates {
		d := editDistance(strings.ToLower(s), strings.ToLower(c))
		n := max(len(s), len(c))
		if d <= max(1, n/3) && d < n && (least < 0 || d < least) {
			best, least = c, d
		}
	}
	return best, least >= 0
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours, in bytes.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j-1]+cost, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
