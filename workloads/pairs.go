package workloads

import (
	"fmt"
	"strings"
)

// pairs reads key=value,key=value. Keys must be among allowed and come once,
// those of needed must come; seen are keys that came before. set assigns each.
func pairs(s string, allowed, needed []string, seen map[string]bool, set func(key, value string) error) error {
	for _, p := range strings.Split(s, ",") {
		key, value, ok := strings.Cut(p, "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		switch {
		case !ok || key == "":
			return fmt.Errorf("%q is not key=value", p)
		case !contains(allowed, key):
			if near, ok := Nearest(key, allowed); ok {
				return fmt.Errorf("unknown key %q (did you mean %q?)", key, near)
			}
			return fmt.Errorf("unknown key %q (allowed: %s)", key, strings.Join(allowed, ", "))
		case seen[key]:
			return fmt.Errorf("%s is given twice", key)
		case value == "":
			return fmt.Errorf("%s has no value", key)
		}
		seen[key] = true
		if err := set(key, value); err != nil {
			return err
		}
	}
	for _, key := range needed {
		if !seen[key] {
			return fmt.Errorf("%s is missing", key)
		}
	}
	return nil
}
