// A stranger to Cosignet, who knows C2SP's formats alone, and checks a log with the hashes, proofs and signed notes of
// Go's own checksum database (golang.org/x/mod/sumdb).
//
//	stranger URL VKEY [EVENT ...]
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := check(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(url, vkey string, events []string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	signed, err := get(url + "/checkpoint")
	if err != nil {
		return err
	}
	tree, err := open(signed, verifier)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, &tiles{url})
	if err := checkEntries(url, tree, reader); err != nil {
		return err
	}
	for first := int64(1); first <= tree.N; first++ {
		if err := checkConsistency(url, first, tree, reader); err != nil {
			return fmt.Errorf("consistency from %d: %w", first, err)
		}
	}
	for _, event := range events {
		if err := checkProof(url, event, verifier, reader); err != nil {
			return fmt.Errorf("proof of %s: %w", event, err)
		}
	}
	fmt.Printf("%d leaves, %d proofs\n", tree.N, len(events))
	return nil
}

// open verifies a signed note and reads the checkpoint in it.
func open(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// checkEntries compares every entry of every bundle with the tree's own hash of it.
func checkEntries(url string, tree tlog.Tree, reader tlog.HashReader) error {
	for start := int64(0); start < tree.N; start += 256 {
		width := min(256, tree.N-start)
		bundle, err := get(url + "/tile/entries/" + place(start/256, width))
		if err != nil {
			return err
		}
		for index := start; index < start+width; index++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("the bundle at %d ends too early", start)
			}
			length := 2 + int(binary.BigEndian.Uint16(bundle))
			hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			if err != nil {
				return err
			}
			if tlog.RecordHash(bundle[2:length]) != hashes[0] {
				return fmt.Errorf("entry %d is not in the tree", index)
			}
			bundle = bundle[length:]
		}
		if len(bundle) != 0 {
			return fmt.Errorf("the bundle at %d does not end", start)
		}
	}
	return nil
}

// checkConsistency derives a proof from the tiles, and the old root with it, and wants the tree to keep to it.
func checkConsistency(url string, first int64, tree tlog.Tree, reader tlog.HashReader) error {
	old, err := tlog.TreeHash(first, reader)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, first, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, first, old)
}

// checkProof reads a proof file and checks it against the entry that it is of.
func checkProof(url, event string, verifier note.Verifier, reader tlog.HashReader) error {
	file, err := get(url + "/entries/" + event + "/proof")
	if err != nil {
		return err
	}
	parts := strings.SplitN(string(file), "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	if len(parts) != 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("not a proof file")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return err
		}
		var hash tlog.Hash
		copy(hash[:], raw)
		proof = append(proof, hash)
	}
	tree, err := open([]byte(parts[1]), verifier)
	if err != nil {
		return err
	}
	hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, hashes[0])
}

// tiles reads them at C2SP's paths.
type tiles struct{ url string }

func (t *tiles) Height() int { return 8 }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := get(fmt.Sprintf("%s/tile/%d/%s", t.url, tile.L, place(tile.N, int64(tile.W))))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// place is how c2sp.org/tlog-tiles writes a tile's number and width.
func place(number, width int64) string {
	path := fmt.Sprintf("%03d", number%1000)
	for number >= 1000 {
		number /= 1000
		path = fmt.Sprintf("x%03d/%s", number%1000, path)
	}
	if width < 256 {
		path += fmt.Sprintf(".p/%d", width)
	}
	return path
}

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
