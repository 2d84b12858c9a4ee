package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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
// nothing of that are told.
func environmentEntries(env map[string]string, systems map[string]System) (entries []entry, warnings []string) {
	known := knownKeys(systems)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok || name == prefix+"STATE" || name == prefix+"CONFIG" {
			continue
		}
		target, key := splitName(rest, known)
		if key == "" {
			warnings = append(warnings, fmt.Sprintf("the environment variable %q is not known and does nothing", name))
			continue
		}
		entries = append(entries, entry{target: target, key: key, value: env[name], from: name, place: place{private: true}})
	}
	return entries, warnings
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
