using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Brook;

namespace GitHistory;

/// <summary>
/// The first-parent history as events, read from git's output as it comes. Per commit: hash, author's name, email, time and subject, each with a NUL behind; then,
/// if it changed something, a newline and per change a letter and a path, each with a NUL behind. Letters are short and hashes are not: that tells them apart.
/// </summary>
public static class GitLog
{
    private const int MaxSubject = 100;

    /// <summary>Everything that a user's configuration could change is said.</summary>
    public static readonly string[] Command =
    [
        "-c", "log.showRoot=true", "-c", "log.diffMerges=first-parent", "-c", "diff.submodule=short",
        "log", "--first-parent", "-m", "--reverse", "--no-renames", "--ignore-submodules=none", "--name-status", "-z",
        "--no-color", "--no-ext-diff", "--no-relative", "--no-show-signature", "--no-notes", "--no-mailmap", "-O/dev/null",
        "--encoding=UTF-8", "--format=tformat:%H%x00%an%x00%ae%x00%at%x00%s",
    ];

    /// <summary>File events with their path as the key, and behind those of a commit its <c>commit:made</c> with the author as the key.</summary>
    /// <param name="output">What git writes.</param>
    /// <param name="ids">Gives events ids made of commit and path.</param>
    /// <exception cref="EndOfStreamException">The output ends in the middle of a commit.</exception>
    public static IEnumerable<BrookEvent> Parse(Stream output, bool ids = false)
    {
        var reader = new NulReader(output);
        var piece = Next(reader);
        while (piece is not null)
        {
            var (commit, at) = ReadCommit(piece, reader);
            var changes = 0;
            for (piece = Next(reader); piece is { Length: <= 8 }; piece = Next(reader), changes++)
                yield return FileEvent(piece, Text(reader), commit, at, ids);
            yield return new BrookEvent<CommitMade>("commit:made", new(commit, changes)) { Key = Names.Key(commit.Author), CreatedAt = at, Id = Id(ids, commit, "") };
        }
    }

    private static (Commit Commit, DateTimeOffset At) ReadCommit(string id, NulReader reader)
    {
        var (name, email, at, subject) = (Text(reader), Text(reader), Time(reader), Text(reader));
        var author = name.Length > 0 ? name : email.Length > 0 ? $"<{email}>" : "(no name)";
        return (new(id, author, Names.Start(subject, MaxSubject)), at);
    }

    private static BrookEvent FileEvent(string status, string path, Commit commit, DateTimeOffset at, bool ids) => status switch
    {
        "A" => new BrookEvent<FileAdded>("file:added", new(path, commit)) { Key = Names.Key(path), CreatedAt = at, Id = Id(ids, commit, path) },
        "M" or "T" => new BrookEvent<FileModified>("file:modified", new(path, commit)) { Key = Names.Key(path), CreatedAt = at, Id = Id(ids, commit, path) },
        "D" => new BrookEvent<FileDeleted>("file:deleted", new(path, commit)) { Key = Names.Key(path), CreatedAt = at, Id = Id(ids, commit, path) },
        _ => throw new InvalidDataException($"git log says '{status}' about '{path}' in commit {commit.Id}; only A, M, T and D are known here."),
    };

    /// <summary>The same in every run, a UUID of version 8 (RFC 9562); the commit's own event has the empty path.</summary>
    private static Guid Id(bool ids, Commit commit, string path)
    {
        if (!ids) return default;
        var id = SHA256.HashData(Encoding.UTF8.GetBytes($"{commit.Id}\0{path}")).AsSpan(0, 16);
        (id[6], id[8]) = ((byte)((id[6] & 0x0f) | 0x80), (byte)((id[8] & 0x3f) | 0x80));
        return new Guid(id, bigEndian: true);
    }

    /// <summary>A hash or a status letter, null at the end.</summary>
    private static string? Next(NulReader reader) => reader.TryRead(out var piece) ? Encoding.ASCII.GetString(piece.TrimStart((byte)'\n')) : null;

    private static string Text(NulReader reader) => Names.Text(Piece(reader));

    /// <summary>Commits may have a broken time, or one in the far future.</summary>
    private static DateTimeOffset Time(NulReader reader) => Utf8Parser.TryParse(Piece(reader), out long seconds, out _)
        ? DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(seconds, 0, 253402300799))
        : DateTimeOffset.UnixEpoch;

    private static ReadOnlySpan<byte> Piece(NulReader reader) => reader.TryRead(out var piece) ? piece : throw new EndOfStreamException("git's output ends in the middle of a commit.");
}
