package config

import (
	"errors"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/seed57652884/resetctl/cmd/resetctl/internal/near"
)

const prefix = "RESETCTL_"

// targetName is what targets may be called: it has to stand in an environment
// variable's name and beside ; and | in a table's cell.
var targetName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// environment makes a map of os.Environ; an empty value counts as none.
func environment(environ []string) map[string]string {
	env := map[string]string{}
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok && name != "" && value != "" {
			env[name] = value
		}
	}
	return env
}

// environmentEntries reads RESETCTL_<TARGET>_<KEY>: the longest known key is
// the key, the rest the target, in lower case and with - for _. Names that are
// nothing of that are unknown.
func environmentEntries(env map[string]string, systems map[string]System) (entries []entry, unknown []string) {
	known := knownKeys(systems)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok || name == prefix+"STATE" || name == prefix+"CONFIG" {
			continue
		}
		target, key := splitName(rest, known)
		if key == "" {
			unknown = append(unknown, name)
			continue
		}
		entries = append(entries, entry{target: target, key: key, value: env[name], from: name, place: place{private: true}})
	}
	return entries, unknown
}

// splitName splits LOOKER_EU_CLIENT_ID into looker-eu and client_id. Both are
// empty where that cannot be done.
func splitName(name string, known []string) (target, key string) {
	if name != strings.ToUpper(name) {
		return "", ""
	}
	name = strings.ToLower(name)
	for _, k := range known {
		if t, ok := strings.CutSuffix(name, "_"+k); ok && len(k) > len(key) {
			if t = strings.ReplaceAll(t, "_", "-"); targetName.MatchString(t) && t != "all" {
				target, key = t, k
			}
		}
	}
	return target, key
}

// meantVariable asks for the variable that was probably meant by one that does
// nothing: of a target that is configured, or of one that is called as its system.
func (c *Config) meantVariable(name string) string {
	systems := maps.Clone(c.systems)
	for _, t := range c.Targets {
		systems[t.Name] = c.systems[t.System]
	}
	known := []string{"STATE", "CONFIG"} // without the prefix, in which they are all alike
	for _, target := range slices.Sorted(maps.Keys(systems)) {
		for _, key := range systems[target].keyNames() {
			known = append(known, strings.TrimPrefix(variable(target, key), prefix))
		}
	}
	if meant := near.Name(strings.TrimPrefix(name, prefix), known); meant != "" {
		return near.Ask(prefix + meant)
	}
	return ""
}

// stateFolder says where the state lies and who says so.
func stateFolder(s Source, env map[string]string) (folder, from string, err error) {
	if s.State != "" {
		return s.State, "--state", nil
	}
	if v := env[prefix+"STATE"]; v != "" {
		return v, prefix + "STATE", nil
	}
	if base := env["XDG_STATE_HOME"]; filepath.IsAbs(base) { // a relative one is to be ignored
		return filepath.Join(base, "resetctl"), "XDG_STATE_HOME", nil
	}
	if s.Home == "" {
		return "", "", errors.New("there is no home folder to keep the state in: give --state or RESETCTL_STATE")
	}
	return filepath.Join(s.Home, ".local", "state", "resetctl"), "default", nil
}

// Path says where the configuration file is, or would be, and who says so:
// "--config", "RESETCTL_CONFIG", "XDG_CONFIG_HOME" or "default". It is empty
// where there is no home folder and nobody says anything.
func Path(s Source) (path, from string) {
	path, from, _ = configFile(s, environment(s.Env))
	return path, from
}

// configFile is Path, and says whether the file must exist.
func configFile(s Source, env map[string]string) (path, from string, must bool) {
	switch base := env["XDG_CONFIG_HOME"]; {
	case s.File != "":
		return s.File, "--config", true
	case env[prefix+"CONFIG"] != "":
		return env[prefix+"CONFIG"], prefix + "CONFIG", true
	case filepath.IsAbs(base):
		return filepath.Join(base, "resetctl", "config.yaml"), "XDG_CONFIG_HOME", false
	case s.Home == "":
		return "", "default", false
	}
	return filepath.Join(s.Home, ".config", "resetctl", "config.yaml"), "default", false
}
