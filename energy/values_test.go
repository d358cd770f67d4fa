package energy

import "testing"

func TestPrintActivities(t *testing.T) {
	for _, d := range []string{"fp32", "fp16", "int8"} {
		for _, v := range allValues {
			t.Logf("%s %s %+v", d, v, activityOf(v, d))
		}
	}
}
