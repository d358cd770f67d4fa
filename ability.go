package gpusim

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gpusim/configs"
	"gpusim/nvdla"
	"gpusim/workloads"
)

// Lacks says what a machine lacks to execute a workload by itself; empty if
// nothing. as is the type that it computes in where that is not the workload's own,
// such as that of a quantised network around its layers; empty: the workload's.
func Lacks(m *configs.Machine, w workloads.Workload, as string) string {
	var err error
	switch m.Kind {
	case "gpu":
		o := Options{Fidelity: Analytic} // kernels of products are not built to see that there are some
		if w.Layer != nil || w.Custom != nil {
			o.Fidelity = Sampled
		}
		_, err = callOf(m, w, o)
	case "cpu":
		if w.Collective != nil {
			err = errors.New("it is one device: collectives and copies run on systems")
		}
	case configs.KindSystem:
		if w.Collective == nil {
			err = fmt.Errorf("it is a system of devices, each of which has a machine of its own for %s", w.Kind)
		}
	default:
		return lacks(m, w, as)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// Abilities is what a machine with a fixed array executes.
func Abilities(m *configs.Machine) []configs.Ability {
	if m.NVDLA != nil {
		return nvdla.Abilities(m.NVDLA)
	}
	return m.Executes
}

// multiplies lists the types that a fixed array takes.
func multiplies(m *configs.Machine) []string {
	if m.NVDLA != nil {
		return m.NVDLA.Types
	}
	return m.Systolic.Types
}

// lacks looks a workload up in a list of abilities. Of several that do not cover it
// the last one's reason counts, which is the most particular.
func lacks(m *configs.Machine, w workloads.Workload, as string) string {
	why := "it has no unit for " + w.Kind
	for _, a := range Abilities(m) {
		if !slices.Contains(a.Kinds, w.Kind) {
			continue
		}
		if why = covers(&a, multiplies(m), w, as); why == "" {
			return ""
		}
	}
	return why
}

// covers says what an ability does not cover of a workload of its kind.
func covers(a *configs.Ability, own []string, w workloads.Workload, as string) string {
	types := a.Types
	if types == nil {
		types = own
	}
	dtype := as
	if dtype == "" {
		dtype = w.Shape().Type()
	}
	if !slices.Contains(types, dtype) {
		return fmt.Sprintf("it does not multiply %s (allowed: %s)", dtype, strings.Join(types, ", "))
	}
	passes := a.Passes
	if passes == nil {
		passes = []string{workloads.PassForward}
	}
	var pass, epilogue, op string
	switch {
	case w.GEMM != nil:
		if w.GEMM.Beta != 0 {
			return fmt.Sprintf("its sums begin at zero (beta=%g; allowed: 0)", w.GEMM.Beta)
		}
		epilogue = w.GEMM.Epilogue
	case w.Conv != nil:
		pass, epilogue = w.Conv.Pass, w.Conv.Epilogue
	case w.Layer != nil:
		pass, op = w.Layer.Pass, w.Layer.Op
		if w.Layer.Phase == "train" {
			pass = workloads.PassBackward
		}
	}
	if pass != "" && !slices.Contains(passes, pass) {
		return fmt.Sprintf("it runs no training passes (pass=%s)", pass)
	}
	if epilogue != "" {
		for _, s := range strings.Split(epilogue, "+") {
			if !slices.Contains(a.Steps, s) {
				return fmt.Sprintf("its products do not end in %s (allowed: %s)", s, strings.Join(a.Steps, ", "))
			}
		}
	}
	if op != "" && a.Ops != nil {
		chain := strings.Split(op, "+")
		for _, o := range chain {
			if !slices.Contains(a.Ops, o) {
				return fmt.Sprintf("it has no unit for %s of %s (allowed: %s)", w.Kind, o, strings.Join(a.Ops, ", "))
			}
		}
		if len(chain) > max(1, a.Chain) {
			return fmt.Sprintf("%d operations in one pass (allowed: %d)", len(chain), max(1, a.Chain))
		}
	}
	first := "" // of what is too large, by name
	for k, most := range a.Most {
		if v, ok := workloads.Size(w, k); ok && v > most && (first == "" || k < first) {
			first = k
		}
	}
	if first != "" {
		v, _ := workloads.Size(w, first)
		return fmt.Sprintf("%s=%d (allowed: up to %d)", first, v, a.Most[first])
	}
	return ""
}
