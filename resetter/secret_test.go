package resetter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/seed57652884/resetctl/resetter"
)

const hunter2 = "hunter2-and-more"

// holder keeps secrets in the ways that programs do.
type holder struct {
	Open    resetter.Secret
	closed  resetter.Secret
	pointer *resetter.Secret
	list    []resetter.Secret
	byName  map[string]resetter.Secret
	any     any
}

func holderOf(s resetter.Secret) holder {
	return holder{s, s, &s, []resetter.Secret{s}, map[string]resetter.Secret{"key": s}, s}
}

func TestASecretIsHiddenFromEveryVerb(t *testing.T) {
	s := resetter.NewSecret(hunter2)
	h := holderOf(s)
	receipt := resetter.Receipt{Link: s}
	for verb := 'A'; verb <= 'z'; verb++ {
		for _, flags := range []string{"", "+", "#", "-", " ", "0", "20", ".3"} {
			format := "%" + flags + string(verb)
			for _, v := range []any{s, &s, h, &h, receipt, &receipt, []any{s, h}, struct{ s resetter.Secret }{s}} {
				if printed := fmt.Sprintf(format, v); strings.Contains(printed, "hunter2") {
					t.Errorf("%s of %T shows %s", format, v, printed)
				}
			}
		}
	}
}

func TestASecretSaysThatItIsHidden(t *testing.T) {
	s := resetter.NewSecret(hunter2)
	for _, printed := range []string{s.String(), fmt.Sprint(s), fmt.Sprintf("%v", s), fmt.Sprintf("%q", s), fmt.Sprintf("%x", s), fmt.Sprintf("%#v", s)} {
		if !strings.Contains(printed, "[hidden]") {
			t.Errorf("printed %q, want it to say [hidden]", printed)
		}
	}
	if got := s.GoString(); got != `resetter.Secret("[hidden]")` {
		t.Errorf("GoString says %s", got)
	}
}

func TestASecretIsHiddenInJSONAndText(t *testing.T) {
	s := resetter.NewSecret(hunter2)
	h := holderOf(s)
	for _, v := range []any{s, &s, h, h.byName, h.list, resetter.Receipt{Link: s}, map[string]any{"deep": []any{h}}} {
		out, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%T: %v", v, err)
		}
		if !bytes.Contains(out, []byte("[hidden]")) || bytes.Contains(out, []byte("hunter2")) {
			t.Errorf("%T as JSON is %s", v, out)
		}
	}
	if text, err := s.MarshalText(); err != nil || string(text) != "[hidden]" {
		t.Errorf("as text it is %q, %v", text, err)
	}
}

func TestASecretIsHiddenInLogs(t *testing.T) {
	s := resetter.NewSecret(hunter2)
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		log := slog.New(handler).With("with", s)
		log.Info("logged", "bare", s, "pointer", &s, "within", holderOf(s), "receipt", resetter.Receipt{Link: s}, slog.Group("group", "in", s))
	}
	if strings.Contains(out.String(), "hunter2") || !strings.Contains(out.String(), "[hidden]") {
		t.Errorf("logged %s", out.String())
	}
}

func TestReflectionFindsNoSecretInAnyField(t *testing.T) {
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			if strings.Contains(v.String(), "hunter2") {
				t.Error("a string within holds it")
			}
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Map:
			for _, key := range v.MapKeys() {
				walk(v.MapIndex(key))
			}
		}
	}
	walk(reflect.ValueOf(holderOf(resetter.NewSecret(hunter2))))
}

func TestASecretIsShownToWhoAsksByName(t *testing.T) {
	s := resetter.NewSecret(hunter2)
	if got := s.Reveal(); got != hunter2 {
		t.Errorf("revealed %q", got)
	}
	if !s.Equal(resetter.NewSecret(hunter2)) || s.Equal(resetter.NewSecret("other")) || s.Equal(resetter.Secret{}) {
		t.Error("Equal does not compare what is hidden")
	}
}

func TestTheZeroSecretHidesNothingAndSaysSo(t *testing.T) {
	for _, s := range []resetter.Secret{{}, resetter.NewSecret("")} {
		if !s.IsZero() || s.Reveal() != "" || s.String() != "" {
			t.Errorf("the zero secret: IsZero %v, Reveal %q, String %q", s.IsZero(), s.Reveal(), s.String())
		}
		if out, err := json.Marshal(s); err != nil || string(out) != `""` {
			t.Errorf("as JSON: %s, %v", out, err)
		}
	}
	if resetter.NewSecret("x").IsZero() {
		t.Error("a secret of one letter counts as none")
	}
}
