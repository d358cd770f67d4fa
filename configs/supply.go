package configs

import "fmt"

// VoltageAt is the core voltage at a clock; 0 if the machine states no curve.
func (c *Clock) VoltageAt(f Freq) Voltage {
	switch n := len(c.Supply); {
	case n == 0:
		return 0
	case n == 1 || f <= c.Supply[0].Clock:
		return c.Supply[0].Voltage
	}
	i := 1
	for i < len(c.Supply)-1 && f > c.Supply[i].Clock {
		i++
	}
	a, b := &c.Supply[i-1], &c.Supply[i]
	rise := float64(b.Voltage-a.Voltage) / float64(b.Clock-a.Clock)
	return a.Voltage + Voltage(rise*float64(f-a.Clock)+0.5)
}

// cap checks the voltage curve and what the power cap needs.
func (c *checker) cap(m *Machine) {
	k := &m.GPU.Clock
	for i := 1; i < len(k.Supply); i++ {
		a, b := &k.Supply[i-1], &k.Supply[i]
		at := fmt.Sprintf("gpu.clock.supply.%d.", i)
		c.that(b.Clock > a.Clock, at+"clock", "%v does not lie above the point before, %v", b.Clock, a.Clock)
		c.that(b.Voltage >= a.Voltage, at+"voltage", "%v is less than the %v of a lower clock", b.Voltage, a.Voltage)
	}
	if !k.PowerCap {
		return
	}
	c.that(k.Step > 0, "gpu.clock.step", "missing: power_cap needs the steps of the clock")
	static := Power(0)
	for _, s := range m.Energy.Static {
		static += s.Power
	}
	c.that(static < m.TDP, "tdp", "%v is not more than the %v that flow without any work, so no clock is within the power cap", m.TDP, static)
}
