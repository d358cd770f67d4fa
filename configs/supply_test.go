package configs

import "testing"

func TestVoltageAt(t *testing.T) {
	c := Clock{Supply: []SupplyPoint{{1000e6, 650_000}, {1500e6, 850_000}, {1600e6, 950_000}}}
	for f, want := range map[Freq]Voltage{
		100e6: 650_000, 1000e6: 650_000, 1250e6: 750_000, 1500e6: 850_000, 1550e6: 900_000, 1600e6: 950_000, 1700e6: 1_050_000,
	} {
		if got := c.VoltageAt(f); got != want {
			t.Errorf("%v at %v, want %v", got, f, want)
		}
	}
	if v := (&Clock{}).VoltageAt(1e9); v != 0 {
		t.Errorf("%v without a curve", v)
	}
	if v := (&Clock{Supply: c.Supply[:1]}).VoltageAt(2e9); v != 650_000 {
		t.Errorf("%v with one point", v)
	}
}
