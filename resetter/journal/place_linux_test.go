package journal

import "testing"

func TestTheNumbersOfNetworkFileSystemsAreKnown(t *testing.T) {
	// As stat(1) prints them: stat -f -c %t on a mounted one.
	for magic, want := range map[uint32]string{0x6969: "NFS", 0xff534d42: "SMB", 0xfe534d42: "SMB", 0x517b: "SMB", 0xef53: "", 0x01021994: ""} {
		if got := networks[magic]; got != want {
			t.Errorf("%#x: got %q, want %q", magic, got, want)
		}
	}
	if name, err := remote("/proc"); name != "" || err != nil {
		t.Errorf("/proc is on %q, %v", name, err)
	}
	if _, err := remote("/proc/not/there"); err == nil {
		t.Error("no error about a folder that there is not")
	}
}
