package validate

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

// Columns that no kind knows come out behind the others, of all tables together; a row
// of a table without one leaves it empty.
func TestExtraColumns(t *testing.T) {
	tab := &Tables{}
	for _, text := range []string{
		"note,device,op,shape,precision,time_us,source,run id,class\n\"a, b\",V,add,16x16,fp32,40,x, 7 ,c1\n,V,add,16x16,fp32,40,x,,c2\n",
		layerHeader + "V,add,16x16,fp32,40,x\n",
		"layer,dataflow,rows,cols,m,n,k,total_cycles,stall_cycles,host,note\nl,ws,4,4,4,4,4,10,0,h1,z\n",
	} {
		one, err := workloads.ReadTable("t.csv", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := tab.add(one); err != nil {
			t.Fatal(err)
		}
	}
	folds, err := configs.Load("scalesim", nil)
	if err != nil {
		t.Fatal(err)
	}
	run := func(context.Context, *configs.Machine, workloads.Workload, gpusim.Options) (gpusim.Result, error) {
		return gpusim.Result{TimeUS: 20}, nil
	}
	rep, err := tab.Run(t.Context(), Options{Run: run, Machine: func(string) (*configs.Machine, error) { return folds, nil }})
	if err != nil || len(rep.Rows) != 4 {
		t.Fatalf("%+v %v", rep, err)
	}
	csv := strings.Split(string(rep.CSV()), "\n")
	for i, want := range []string{`,recorded_kernel,note,run id,table_class,host`, `,"a, b",7,c1,`, `,,,c2,`, `,,,,`, `,z,,,h1`} {
		if !strings.HasSuffix(csv[i], want) {
			t.Errorf("line %d of validation.csv is %q, want it to end in %q", i+1, csv[i], want)
		}
	}
	text, err := rep.JSON(0)
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		PerRow []map[string]any `json:"per_row"`
	}
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`{"class":"c1","note":"a, b","run id":"7"}`, `{"class":"c2","note":"","run id":""}`, "", `{"host":"h1","note":"z"}`} {
		extra, has := o.PerRow[i]["extra"]
		got := ""
		if has {
			b, err := json.Marshal(extra)
			if err != nil {
				t.Fatal(err)
			}
			got = string(b)
		}
		if got != want {
			t.Errorf("row %d carries %s, want %s", i, got, want)
		}
	}
}

// The shipped tables have no columns that their kind does not know: their outputs are
// of one shape.
func TestPublishedExtra(t *testing.T) {
	files, err := data.ReadDir("data")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if filepath.Ext(f.Name()) != ".csv" {
			continue
		}
		one, err := publishedTable(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		tab := &Tables{}
		if err := tab.add(one); err != nil {
			t.Fatal(err)
		}
		for i := range tab.rows {
			if e := tab.rows[i].extra; e != nil {
				t.Fatalf("%s: %v", f.Name(), e)
			}
		}
		for i := range tab.direct {
			if e := tab.direct[i].extra; e != nil {
				t.Fatalf("%s: %v", f.Name(), e)
			}
		}
	}
}

// Names that a file has already tell whose they are.
func TestExtraNames(t *testing.T) {
	got := extraNames([]string{"table_line", "line", "x"}, []string{"line", "class"})
	if strings.Join(got, " ") != "table_line table_table_line x" {
		t.Error(got)
	}
}
