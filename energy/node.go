package energy

import (
	"fmt"
	"math"
	"sort"
)

// stillmaker holds, per technology node, the coefficients of
// E(V) = a V^2 + b V + c (relative energy of one operation).
// Source: Stillmaker and Baas, "Scaling equations for the accurate prediction
// of CMOS device performance from 180 nm to 7 nm", Integration 58 (2017).
var stillmaker = []struct{ nm, a, b, c float64 }{
	{130, 7.171, -6.709, 2.904},
	{90, 4.762, -4.781, 2.092},
	{65, 3.755, -4.398, 1.975},
	{45, 1.103, -0.362, 0.2767},
	{32, 0.9559, -0.7823, 0.471},
	{20, 0.373, -0.1582, 0.04104},
	{16, 0.2958, -0.1241, 0.03024},
	{14, 0.2363, -0.09675, 0.02239},
	{10, 0.2068, -0.09311, 0.02375},
	{7, 0.1776, -0.09097, 0.02447},
}

// NodeFactor is the energy of an operation at node toNM and voltage toV over
// its energy at node fromNM and voltage fromV (nanometres, volts; 7 to 130 nm
// and 0.5 to 1.3 V). Nodes between the published ones are interpolated
// geometrically in the node, which the publication itself does not do.
func NodeFactor(fromNM, fromV, toNM, toV float64) (float64, error) {
	from, err := nodeEnergy(fromNM, fromV)
	if err != nil {
		return 0, err
	}
	to, err := nodeEnergy(toNM, toV)
	if err != nil {
		return 0, err
	}
	return to / from, nil
}

func nodeEnergy(nm, v float64) (float64, error) {
	first, last := stillmaker[0].nm, stillmaker[len(stillmaker)-1].nm
	if !(nm >= last && nm <= first) {
		return 0, fmt.Errorf("energy: no scaling data for %g nm (allowed: %g to %g nm)", nm, last, first)
	}
	if !(v >= 0.5 && v <= 1.3) {
		return 0, fmt.Errorf("energy: supply of %g V is outside 0.5 to 1.3 V", v)
	}
	at := func(i int) float64 { s := stillmaker[i]; return s.a*v*v + s.b*v + s.c }
	i := sort.Search(len(stillmaker), func(i int) bool { return stillmaker[i].nm <= nm })
	if stillmaker[i].nm == nm {
		return at(i), nil
	}
	w := math.Log(stillmaker[i-1].nm/nm) / math.Log(stillmaker[i-1].nm/stillmaker[i].nm)
	return math.Exp((1-w)*math.Log(at(i-1)) + w*math.Log(at(i))), nil
}
