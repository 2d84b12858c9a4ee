package resetter_test

import (
	"net/mail"
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode"

	"github.com/seed57652884/resetctl/resetter"
)

func TestIdentitiesThatNameSomebodyAreTaken(t *testing.T) {
	for _, id := range []resetter.Identity{
		resetter.Email("ana@example.com"),
		resetter.Email("Ana.Silva+reset@sub.example.com"),
		resetter.Email("a_b@example.com"),
		resetter.Email("o'brien@example.com"),
		resetter.Email("100%@example.com"),
		resetter.Email("a/b@example.com"),
		resetter.Email("änne@exämple.com"),
		resetter.ID("1"),
		resetter.ID("007"),
		resetter.ID("dacac8a8-bf9d-11ee-b819-acde48001122"),
		resetter.ID("seed_user.1"),
		resetter.Username("ana"),
		resetter.Username(`CORP\ana`),
		resetter.Username("Ana Silva"),
		resetter.Username("50%"),
	} {
		if err := id.Validate(); err != nil {
			t.Errorf("%s %q: %v", id.Kind, id.Value, err)
		}
	}
}

func TestIdentitiesThatNameNobodyOrCouldBeReadAsAPathAreRefused(t *testing.T) {
	long := strings.Repeat("a", 321)
	for _, c := range []struct {
		id   resetter.Identity
		says string
	}{
		{resetter.Identity{}, "empty"},
		{resetter.Identity{Kind: "phone", Value: "123"}, "unknown kind"},
		{resetter.Email(""), "empty"},
		{resetter.ID(""), "empty"},
		{resetter.Username(""), "empty"},

		{resetter.Email("ana"), "not one e-mail address"},
		{resetter.Email("ana@"), "not one e-mail address"},
		{resetter.Email("@example.com"), "not one e-mail address"},
		{resetter.Email("ana@bo@example.com"), "not one e-mail address"},
		{resetter.Email("ana@example.com,bo@example.com"), "not one e-mail address"},
		{resetter.Email("ana@example.com;bo@example.com"), "not one e-mail address"},
		{resetter.Email("ana@example.com bo@example.com"), "not one e-mail address"},
		{resetter.Email("Ana <ana@example.com>"), "not one e-mail address"},
		{resetter.Email("<ana@example.com>"), "not one e-mail address"},
		{resetter.Email("ana@example.com (Ana)"), "not one e-mail address"},
		{resetter.Email(`"ana silva"@example.com`), "not one e-mail address"},
		{resetter.Email("a..b@example.com"), "not one e-mail address"},
		{resetter.Email(" ana@example.com"), "blank"},
		{resetter.Email("ana@example.com\n"), "blank"},
		{resetter.Email("ana@example.com\u00a0"), "blank"},
		{resetter.Email("ana\u200b@example.com"), "invisible"},
		{resetter.Email("\ufeffana@example.com"), "invisible"},
		{resetter.Email("ana\u202e@example.com"), "invisible"},
		{resetter.Email("ana\x00@example.com"), "control"},
		{resetter.Email("ana\r\n@example.com"), "control"},
		{resetter.Email("ana\xff@example.com"), "invisible"},
		{resetter.Email(long + "@example.com"), "longer"},

		{resetter.ID("1/2"), "no id has"},
		{resetter.ID(`1\2`), "no id has"},
		{resetter.ID("1?x"), "no id has"},
		{resetter.ID("1#x"), "no id has"},
		{resetter.ID("%2e%2e"), "no id has"},
		{resetter.ID("../me"), "no id has"},
		{resetter.ID(".."), "dots"},
		{resetter.ID("."), "dots"},
		{resetter.ID("1..2"), "dots"},
		{resetter.ID(" 1"), "blank"},
		{resetter.ID("1 "), "blank"},
		{resetter.ID("1\x07"), "control"},
		{resetter.ID("1\u200d2"), "invisible"},
		{resetter.ID(long), "longer"},

		{resetter.Username("ana\t"), "blank"},
		{resetter.Username("an\ta"), "control"},
		{resetter.Username("ana\u2060"), "invisible"},
		{resetter.Username(long), "longer"},
	} {
		if err := c.id.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %q: %v, want an error that says %q", c.id.Kind, c.id.Value, err, c.says)
		}
	}
}

// What Validate lets through cannot leave its segment of a URL's path, and no
// line can be broken by it.
func FuzzValidatedIdentitiesStayWhatTheyAre(f *testing.F) {
	for _, value := range []string{
		"ana@example.com", "a+b@example.com", "a.b-c_d@x-1.example.com", ".a@x.io", "a.@x.io", "a..b@x.io", "a@x..io", "a@.io", "a@b@c", "a@", "@a",
		"a/../b@example.com", "1", "..", "%2e%2e", "a\u200bb", "Ana <ana@example.com>",
		`CORP\ana`, "a b", "\xff", "1\x00", strings.Repeat("a", 400),
	} {
		for kind := range 3 {
			f.Add(kind, value)
		}
	}
	kinds := []resetter.IdentityKind{resetter.ByEmail, resetter.ByID, resetter.ByUsername}
	f.Fuzz(func(t *testing.T, kind int, value string) {
		id := resetter.Identity{Kind: kinds[uint(kind)%3], Value: value}
		if err := id.Validate(); err != nil {
			if err.Error() == "" {
				t.Error("the error says nothing")
			}
			return
		}
		if value == "" || strings.TrimSpace(value) != value || len(value) > 320 {
			t.Errorf("%q was taken", value)
		}
		for _, r := range value {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
				t.Errorf("%q holds %q", value, r)
			}
		}
		switch id.Kind {
		case resetter.ByEmail:
			if a, err := mail.ParseAddress(value); err != nil || a.Address != value || a.Name != "" {
				t.Errorf("%q is read as %v, %v", value, a, err)
			}
		case resetter.ByID:
			if p := "/users/" + value + "/end"; path.Clean(p) != p {
				t.Errorf("%q changes the path to %s", value, path.Clean(p))
			}
			u, err := url.Parse("https://example.com/users/" + url.PathEscape(value) + "/end")
			if err != nil || u.Path != "/users/"+value+"/end" || u.RawQuery != "" || u.Fragment != "" {
				t.Errorf("%q makes the URL %v, %v", value, u, err)
			}
		}
	})
}

func TestAddressesAreTheSameWithoutRegardToCaseAndNothingElse(t *testing.T) {
	for other, same := range map[string]bool{
		"ana@example.com":   true,
		"ANA@Example.COM":   true,
		"anna@example.com":  false,
		"ana@example.co":    false,
		"a_a@example.com":   false,
		"ana+1@example.com": false,
		"":                  false,
	} {
		if resetter.SameEmail("ana@example.com", other) != same {
			t.Errorf("ana@example.com and %q: same is not %v", other, same)
		}
	}
}
