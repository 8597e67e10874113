using System.Buffers;
using System.Text;
using SQLitePCL;

namespace Brook.Sqlite;

/// <summary>A prepared statement, used again and again. What is bound is copied. After <see cref="Step"/> has given false or has thrown, it is ready for the next use; after true, with <see cref="Reset"/>.</summary>
internal sealed class Statement(Database database, sqlite3_stmt handle) : IDisposable
{
    public void Bind(int parameter, long value) => Check(raw.sqlite3_bind_int64(handle, parameter, value));

    public void Bind(int parameter, long? value)
    {
        if (value is { } number) Bind(parameter, number);
        else Check(raw.sqlite3_bind_null(handle, parameter));
    }

    /// <summary>UTF-8, byte for byte.</summary>
    public void Bind(int parameter, ReadOnlySpan<byte> utf8) => Check(utf8.IsEmpty ? raw.sqlite3_bind_text(handle, parameter, "") : raw.sqlite3_bind_text(handle, parameter, utf8));

    /// <summary>A text, and behind it one more byte, if there is to be one.</summary>
    public void Bind(int parameter, string text, byte? behind = null)
    {
        var most = Encoding.UTF8.GetMaxByteCount(text.Length) + 1;
        var rented = most > 1024 ? ArrayPool<byte>.Shared.Rent(most) : null;
        var bytes = rented ?? stackalloc byte[1024];
        var length = Encoding.UTF8.GetBytes(text, bytes);
        if (behind is { } one) bytes[length++] = one;
        Bind(parameter, bytes[..length]);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
    }

    /// <summary>True: a row. False: there is none, or no more.</summary>
    public bool Step()
    {
        var result = raw.sqlite3_step(handle);
        if (result == raw.SQLITE_ROW) return true;
        var failure = result == raw.SQLITE_DONE ? null : database.Failure(result);
        Reset();
        return failure is null ? false : throw failure;
    }

    /// <summary>For what gives no rows.</summary>
    public void Run()
    {
        if (Step()) Reset();
    }

    public void Reset() => raw.sqlite3_reset(handle);

    public long Number(int column) => raw.sqlite3_column_int64(handle, column);

    public long? NumberOrNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL ? null : Number(column);

    public byte[] Bytes(int column) => raw.sqlite3_column_blob(handle, column).ToArray();

    public string Text(int column) => Encoding.UTF8.GetString(raw.sqlite3_column_blob(handle, column));

    public void Dispose() => handle.Dispose();

    private void Check(int result)
    {
        if (result != raw.SQLITE_OK) throw database.Failure(result);
    }
}
