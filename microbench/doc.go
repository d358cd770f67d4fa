// Package microbench probes a simulated GPU or CPU with the kernels that architects
// run on silicon: pointer chases, streams, chains of dependent instructions.
//
// They are ordinary kernels on the ordinary model. Figures come from the cycles
// that they take and nothing else; what the machine file says decides only how
// large a footprint is tried and how many CTAs fill the machine.
package microbench
