package validate

import "gpusim/workloads"

// commonKinds are the kinds of tables that people write; the others are reference files of
// simulators as they come.
var commonKinds = []workloads.TableKind{
	{Name: "measured GEMMs", Columns: workloads.GEMMColumns},
	{Name: "measured convolutions", Columns: workloads.ConvColumns},
	{Name: "measured element-wise operators", Columns: workloads.LayerColumns},
	{Name: "all-reduces", Columns: allReduceColumns},
	{Name: "copies from point to point", Columns: copyColumns},
	{Name: "networks end to end", Columns: networkColumns},
	{Name: "cycles of systolic arrays", Columns: foldColumns},
	{Name: "cycles of NVDLA", Columns: nvdlaColumns},
	{Name: "power", Columns: powerColumns},
	{Name: "suites of programs", Columns: suiteColumns},
}
