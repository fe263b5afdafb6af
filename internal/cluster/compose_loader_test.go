package cluster

import (
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// What `docker compose config` does with the file, done by compose's own loader: its schema, its interpolation and its consistency checks, for
// each profile on its own. It needs no engine.
func TestComposeTakesTheFile(t *testing.T) {
	for _, kind := range kinds() {
		for _, nodes := range []int{1, 3} {
			p, err := profileFor(kind, nodes)
			if err != nil {
				t.Fatal(err)
			}
			project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
				WorkingDir: t.TempDir(), ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: composeText}},
			}, loader.WithProfiles([]string{p.name}))
			if err != nil {
				t.Errorf("profile %s: %v", p.name, err)
				continue
			}
			got := project.ServiceNames()
			for _, n := range p.services {
				if !slices.Contains(got, n.name) {
					t.Errorf("profile %s of project %s starts %v and not %s", p.name, project.Name, got, n.name)
				}
			}
			if nodes == 1 && len(got) != 1 {
				t.Errorf("profile %s starts more than its node: %v", p.name, got)
			}
		}
	}
	for name, text := range map[string]string{
		"an unknown key":       "name: ordeal\nservices: {a: {image: 'x:1', helthcheck: {}}}\n",
		"an undeclared volume": "name: ordeal\nservices: {a: {image: 'x:1', volumes: ['nowhere:/data']}}\n",
	} {
		_, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
			WorkingDir: t.TempDir(), ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: []byte(text)}},
		})
		if err == nil {
			t.Errorf("the loader takes %s", name)
		}
	}
}
