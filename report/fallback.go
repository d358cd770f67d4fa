package report

import (
	"fmt"
	"strings"
)

// fallbackLines tell what a machine left to its host and what that costs.
func fallbackLines(e *Entry) string {
	f := e.Result.Fallback
	if f == nil || len(f.Layers) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  fell back %s\n", f.Summary())
	fmt.Fprintf(&b, "  costs %s us, %s %% of the time: the host's work %s, %d hand-overs and tensors on the way %s, types and layouts %s; %s to the host, %s back\n",
		human(f.TimeUS), percent(100*f.TimeUS/e.Result.TimeUS), human(f.HostUS), f.HandOver, human(f.LinkUS), human(f.CastUS), bytesText(f.ToHost), bytesText(f.ToDevice))
	return b.String()
}

// bytesText is a number of bytes for people.
func bytesText(v float64) string {
	switch {
	case v >= 1e9:
		return human(v/1e9) + " GB"
	case v >= 1e6:
		return human(v/1e6) + " MB"
	case v >= 1e3:
		return human(v/1e3) + " kB"
	}
	return fmt.Sprintf("%.0f B", v)
}
