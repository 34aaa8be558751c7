package site

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// markFile says that a folder is a site, and which of its files are the site's:
// one path a line. Everything else in the folder is somebody else's.
const markFile = ".matrix-site"

const markHead = "matrix site 1"

// exchange lets two folders change places, in one step; where that is not known,
// it is errors.ErrUnsupported. Tests take it away.
var exchange = exchangeFolders

// ErrBusy says that somebody else writes the site just now.
var ErrBusy = errors.New("somebody else is writing it")

// folder is a site while it is written.
type folder struct {
	dir   string // the site as it is published
	next  string // the one that is being made, beside it
	old   string // where the published one lies for a moment, if two folders cannot change places
	lock  *os.File
	owned map[string]bool // the site's files, as its mark says
}

// openSite makes ready for another site beside a published one. It waits for
// nobody: a second writer has an error.
func openSite(dir string) (*folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		dir = target // the link stays; what it leads to changes
	}
	parent, name := filepath.Split(dir)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return nil, err
	}
	s := &folder{dir: dir, next: parent + "." + name + ".next", old: parent + "." + name + ".old"}
	if s.lock, err = lockFile(parent + "." + name + ".lock"); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	err = s.recover()
	if err == nil {
		err = s.readMark()
	}
	if err == nil {
		err = os.Mkdir(s.next, 0o777)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(s.lock.Name()), s.lock.Close())
	}
	return s, nil
}

// close removes what was not published; after a swap that is the old site.
func (s *folder) close() error {
	return errors.Join(s.clear(), os.Remove(s.lock.Name()), s.lock.Close())
}

// recover puts things right after a process that was killed: where folders
// cannot change places, the old site may have been moved away and the new one
// not yet moved in.
func (s *folder) recover() error {
	if _, err := os.Lstat(s.dir); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(s.old); err == nil {
			if err := os.Rename(s.old, s.dir); err != nil {
				return err
			}
		}
	}
	if err := s.readMark(); err != nil {
		return err
	}
	return s.clear()
}

// clear removes folders that are left over. What was put into the old site while
// the new one was made is not removed: it moves over.
func (s *folder) clear() error {
	for _, left := range []string{s.next, s.old} {
		if err := s.drain(left); err != nil {
			return err
		}
	}
	return nil
}

// drain empties a folder that is not published. Files that the published site
// has as well, or that a site's mark names, go; others move into the site.
func (s *folder) drain(left string) error {
	if _, err := os.Lstat(left); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	owned, err := readMark(left)
	if err != nil {
		// Without a mark it is a site that was never finished: nothing in it is
		// anybody else's, but for hard links to what the site still has.
		return os.RemoveAll(left)
	}
	err = filepath.WalkDir(left, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(left, path)
		if err != nil {
			return err
		}
		if owned[filepath.ToSlash(name)] {
			return nil
		}
		return moveOver(path, filepath.Join(s.dir, name))
	})
	if err != nil {
		return err
	}
	return os.RemoveAll(left)
}

// moveOver moves a file to where nothing is, or an older one.
func moveOver(from, to string) error {
	mine, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if there, err := os.Lstat(to); err == nil && (os.SameFile(mine, there) || !mine.ModTime().After(there.ModTime())) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// readMark finds out which files are the site's, and refuses a folder that is
// none.
func (s *folder) readMark() error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		s.owned = nil
		return nil
	}
	if err != nil {
		return err
	}
	s.owned, err = readMark(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not empty, and no site of matrix: name another folder, or put an empty file %s into it to have the site beside what is there", s.dir, markFile)
	}
	return err
}

func readMark(dir string) (map[string]bool, error) {
	text, err := os.ReadFile(filepath.Join(dir, markFile))
	if err != nil {
		return nil, err
	}
	owned := map[string]bool{markFile: true}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if i == 0 && line != markHead && line != "" {
			return nil, fmt.Errorf("%s begins with %q, not with %q: another version of matrix made it", filepath.Join(dir, markFile), line, markHead)
		}
		if i > 0 {
			owned[line] = true
		}
	}
	return owned, nil
}

// carry takes what is in the published folder into the next one: other months,
// and what is not the site's. Files are linked, not copied, where that is
// possible. This month's and the front page are made anew.
func (s *folder) carry(month string) error {
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(s.dir, path)
		if err != nil {
			return err
		}
		slashed := filepath.ToSlash(name)
		if s.owned[slashed] && (!strings.Contains(slashed, "/") || strings.HasPrefix(slashed, month+"/")) {
			return nil
		}
		target := filepath.Join(s.next, name)
		if d.IsDir() {
			return keepFolder(target, d)
		}
		if _, err := os.Lstat(target); err == nil {
			return fmt.Errorf("%s is not the site's, but the site has a file of that name: move it away", path)
		}
		return carryFile(path, target, d)
	})
	if errors.Is(err, fs.ErrNotExist) && s.owned == nil {
		return nil
	}
	return err
}

// keepFolder makes a folder with the permissions that the old one has.
func keepFolder(target string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(target, 0o777); err != nil {
		return err
	}
	return os.Chmod(target, info.Mode().Perm())
}

func carryFile(path, target string, d fs.DirEntry) error {
	if d.Type()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(path)
		if err != nil {
			return err
		}
		return os.Symlink(to, target)
	}
	if os.Link(path, target) == nil {
		return nil
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	err = writeFile(target, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
	return errors.Join(err, os.Chmod(target, info.Mode().Perm()), os.Chtimes(target, info.ModTime(), info.ModTime()))
}

// finish writes what depends on all months: the front page, the links between
// months, and the mark.
func (s *folder) finish() error {
	all, err := readSummaries(s.next)
	if err != nil {
		return err
	}
	for i := range all {
		var before, after *Summary
		if i > 0 {
			before = &all[i-1]
		}
		if i+1 < len(all) {
			after = &all[i+1]
		}
		if err := relink(filepath.Join(s.next, all[i].Name, "index.html"), before, after); err != nil {
			return err
		}
	}
	archive := newArchive(all)
	for _, j := range []job{
		{"index.html", func(w io.Writer) error { return webPages().ExecuteTemplate(w, "archive", archive) }},
		{styleFile, text(assetCSS)}, {scriptFile, text(assetJS)},
	} {
		if err := writeFile(filepath.Join(s.next, j.path), j.write); err != nil {
			return err
		}
	}
	return s.writeMark(all)
}

// relink brings a front page up to date. It is written anew: as long as the old
// site is there, its page is the same file.
func relink(path string, before, after *Summary) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	linked, err := withLinks(old, before, after)
	if err != nil || string(linked) == string(old) {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return writeFile(path, text(string(linked)))
}

// writeMark lists the site's files: those that were written now, and those of
// other months that were listed before.
func (s *folder) writeMark(all []Summary) error {
	names := []string{markFile, "index.html", styleFile, scriptFile}
	err := filepath.WalkDir(s.next, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(s.next, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		carried, err := s.same(name)
		if err != nil {
			return err
		}
		if strings.Contains(name, "/") && (s.owned[name] || !carried) {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(names)
	return writeFile(filepath.Join(s.next, markFile), text(markHead+"\n"+strings.Join(names, "\n")+"\n"))
}

// same says whether a file of the next site is in the published one as well.
func (s *folder) same(name string) (bool, error) {
	_, err := os.Lstat(filepath.Join(s.dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// swap publishes: everything is on the disk before the two folders change
// places.
func (s *folder) swap() error {
	if err := syncTree(s.next); err != nil {
		return fmt.Errorf("save %s: %w", s.next, err)
	}
	if info, err := os.Stat(s.dir); err == nil {
		if err := os.Chmod(s.next, info.Mode().Perm()); err != nil {
			return err
		}
	}
	_, err := os.Lstat(s.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = os.Rename(s.next, s.dir)
	case err == nil:
		if err = exchange(s.next, s.dir); errors.Is(err, errors.ErrUnsupported) {
			err = s.replace()
		}
	}
	if err != nil {
		return fmt.Errorf("publish %s: %w", s.dir, err)
	}
	return syncFolder(filepath.Dir(s.dir))
}

// replace is the way where folders cannot change places: between two renames
// there is no site. A process killed there leaves the old one beside it, and the
// next one puts it back.
func (s *folder) replace() error {
	if err := os.Rename(s.dir, s.old); err != nil {
		return err
	}
	if err := os.Rename(s.next, s.dir); err != nil {
		return errors.Join(err, os.Rename(s.old, s.dir))
	}
	return nil
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
