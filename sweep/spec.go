package sweep

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gpusim/configs"
	"gpusim/report"
	"gpusim/workloads"
)

// Spec is a sweep's file.
type Spec struct {
	Name        string   `yaml:"name"`
	Description string   `yaml:"description,omitempty"`
	Base        string   `yaml:"base" doc:"machine file that is varied"`
	Set         []string `yaml:"set,omitempty" doc:"overrides of all points, key=value"`

	Workloads   []Work    `yaml:"workloads"`
	Axes        []Axis    `yaml:"axes"`
	Formulas    []Formula `yaml:"formulas,omitempty" doc:"values that follow from others, in this order"`
	Constraints []string  `yaml:"constraints,omitempty" doc:"comparisons that hold for every point"`
	Objectives  []string  `yaml:"objectives"`
	Search      Search    `yaml:"search,omitempty"`
	Budget      Budget    `yaml:"budget,omitempty"`
	Fidelity    string    `yaml:"fidelity,omitempty" allowed:"analytic,sampled,detailed"`
	Refine      *Refine   `yaml:"refine,omitempty" doc:"a second look at the best and their neighbours"`

	file   *configs.UserFile
	source string // the file's name in messages
	Text   string // of the file
}

// Work is one workload of a sweep.
type Work struct {
	Run    string  `yaml:"run" doc:"as on the command line"`
	Only   string  `yaml:"only,omitempty" allowed:"conv,gemm" doc:"of a network: only its layers of this kind"`
	Weight float64 `yaml:"weight,omitempty" min:"0.000001" max:"1000000" doc:"how often it counts; none: once"`
}

// Axis is one direction of the space: a key with values, several that move together, or
// only a name, which formulas turn into keys.
type Axis struct {
	Name   string           `yaml:"name,omitempty" doc:"column of the tables; none: the last word of the key"`
	Key    string           `yaml:"key,omitempty"`
	Values []configs.Scalar `yaml:"values,omitempty"`
	Range  *Range           `yaml:"range,omitempty"`
	Linked []Link           `yaml:"linked,omitempty" doc:"keys that move together: all have as many values"`
}

// Link is one of several keys that move together.
type Link struct {
	Key    string           `yaml:"key"`
	Values []configs.Scalar `yaml:"values"`
}

// Range is values from a first to a last one, at equal differences or, of log
// ranges, at equal ratios.
type Range struct {
	From     configs.Scalar `yaml:"from"`
	To       configs.Scalar `yaml:"to"`
	Steps    int            `yaml:"steps" min:"1" max:"100000" doc:"how many values"`
	Log      bool           `yaml:"log,omitempty"`
	Multiple configs.Scalar `yaml:"multiple,omitempty" doc:"values are rounded to multiples of this"`
}

// Formula gives a key the value of an expression.
type Formula struct {
	Key   string `yaml:"key"`
	Value string `yaml:"value"`
}

// Search says which points are looked at.
type Search struct {
	Method     string `yaml:"method,omitempty" allowed:"grid,random,lhs,nsga2"`
	Seed       int    `yaml:"seed,omitempty" min:"0" max:"2147483647"`
	Population int    `yaml:"population,omitempty" min:"4" max:"10000" doc:"of NSGA-II"`
}

// Budget bounds a sweep.
type Budget struct {
	Points int              `yaml:"points,omitempty" min:"1" max:"1000000000"`
	Time   configs.Duration `yaml:"time,omitempty" min:"1 ms" max:"1000000 s" doc:"wall-clock time; what is under way in this process is finished"`
}

// Refine is the second level of a two-level sweep.
type Refine struct {
	Fidelity string `yaml:"fidelity" allowed:"sampled,detailed"`
	Points   int    `yaml:"points" min:"1" max:"1000000" doc:"the front of the first level, then its neighbours, until there are so many"`
}

// Methods of search.
const (
	Grid   = "grid"
	Random = "random"
	LHS    = "lhs"
	NSGA2  = "nsga2"
)

// Load reads a sweep's file: a path, or the name of an embedded one. All mistakes are the
// user's and name file, line and key.
func Load(nameOrPath string) (*Spec, error) {
	text, err := os.ReadFile(nameOrPath)
	source := nameOrPath
	if err != nil {
		name := strings.TrimSuffix(filepath.Base(nameOrPath), ".yaml")
		data, ok := configs.Sweep(name)
		dir := filepath.ToSlash(filepath.Dir(nameOrPath))
		if !ok || dir != "." && dir != "configs/sweeps" {
			near, _ := configs.Nearest(name, configs.Sweeps())
			if near != "" {
				near = fmt.Sprintf("did you mean %q? ", near)
			}
			return nil, &configs.Error{File: nameOrPath, Reason: fmt.Sprintf("no such file, and no embedded sweep of that name (%sembedded: %s)", near, strings.Join(configs.Sweeps(), ", "))}
		}
		text, source = data, "configs/sweeps/"+name+".yaml"
	}
	return Parse(source, text)
}

// Parse reads a sweep's file.
func Parse(source string, text []byte) (*Spec, error) {
	f, err := configs.ParseUserFile(source, text)
	if err != nil {
		return nil, err
	}
	s := &Spec{file: f, source: source, Text: string(text)}
	if err := f.Decode(s); err != nil {
		return nil, err
	}
	if s.Fidelity == "" {
		s.Fidelity = "sampled"
	}
	if s.Search.Method == "" {
		s.Search.Method = Grid
	}
	if s.Search.Population == 0 {
		s.Search.Population = 40
	}
	return s, s.check()
}

// Source is the file's name in messages.
func (s *Spec) Source() string { return s.source }

// Hash is that of the file's text.
func (s *Spec) Hash() string { return report.Hash([]byte(s.Text)) }

func (s *Spec) check() error {
	bad := s.file.Errorf
	switch {
	case !folderName(s.Name):
		return bad("name", "%q is not a name (letters, digits, and . _ - inside)", s.Name)
	case len(s.Workloads) == 0:
		return bad("workloads", "the list is empty")
	case len(s.Axes) == 0:
		return bad("axes", "the list is empty")
	case len(s.Objectives) == 0:
		return bad("objectives", "the list is empty (allowed: %s)", strings.Join(objectiveNames(), ", "))
	case s.Search.Method != Grid && s.Budget.Points == 0:
		return bad("budget.points", "missing: how many points search %s may look at", s.Search.Method)
	case s.Refine != nil && s.Fidelity != "analytic":
		return bad("refine.fidelity", "a second level needs fidelity: analytic for the first")
	}
	for i, o := range s.Objectives {
		key := fmt.Sprintf("objectives.%d", i)
		if _, ok := objectives[o]; !ok {
			return bad(key, "no objective %q%s", o, meant(o, objectiveNames()))
		}
		for _, before := range s.Objectives[:i] {
			if o == before {
				return bad(key, "%q stands twice in the list", o)
			}
		}
	}
	for i := range s.Workloads {
		if s.Workloads[i].Weight == 0 {
			s.Workloads[i].Weight = 1
		}
	}
	return nil
}

// folderName says whether a name can be a folder's.
func folderName(s string) bool {
	for i, c := range s {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !plain && (i == 0 || !strings.ContainsRune("._-", c)) {
			return false
		}
	}
	return s != ""
}

// meant names the word that was probably meant, or all that are allowed.
func meant(word string, allowed []string) string {
	if near, ok := configs.Nearest(word, allowed); ok {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return " (allowed: " + strings.Join(allowed, ", ") + ")"
}

// work is a workload of a sweep, ready to run.
type work struct {
	workloads.Workload
	weight float64
}

// expand reads the workloads.
func (s *Spec) expand() ([]work, error) {
	var out []work
	for i, w := range s.Workloads {
		key := fmt.Sprintf("workloads.%d.run", i)
		ws, err := workloads.Expand(w.Run)
		if err != nil {
			return nil, s.file.Errorf(key, "%v", err)
		}
		for _, one := range ws {
			if w.Only != "" {
				if one.Net == nil {
					return nil, s.file.Errorf(fmt.Sprintf("workloads.%d.only", i), "%s is no network", one.Short())
				}
				if one = only(one, w.Only); len(one.Net.Layers) == 0 {
					return nil, s.file.Errorf(fmt.Sprintf("workloads.%d.only", i), "the network has no layers of kind %s", w.Only)
				}
			}
			out = append(out, work{one, w.Weight})
		}
	}
	return out, nil
}

// only is a network of those layers of another that are of one kind.
func only(w workloads.Workload, kind string) workloads.Workload {
	n := *w.Net
	n.Layers = nil
	for _, l := range w.Net.Layers {
		if l.Work.Kind == kind {
			n.Layers = append(n.Layers, l)
		}
	}
	w.Net = &n
	w.Text += ",only=" + kind
	return w
}
