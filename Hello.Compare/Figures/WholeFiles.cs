namespace Hello.Compare.Figures;

/// <summary>Files that are written whole or not at all.</summary>
internal static class WholeFiles
{
    /// <summary>Fails if a file cannot be written, so that the user learns it before minutes of measuring. The files stay as they are.</summary>
    public static void Check(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                if (File.Exists(file))
                {
                    File.OpenWrite(file).Dispose();
                }

                File.Create(TemporaryOf(file), bufferSize: 1, FileOptions.DeleteOnClose).Dispose();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new MeasurementException($"{file} cannot be written: {e.Message}", e);
            }
        }
    }

    /// <summary>Writes files. If one cannot be written, none of them changes.</summary>
    public static async Task WriteAsync(IReadOnlyList<(string File, string Text)> files)
    {
        (string File, string Text, string Temporary)[] all = [.. files.Select(f => (f.File, f.Text, TemporaryOf(f.File)))];
        try
        {
            foreach (var (_, text, temporary) in all)
            {
                await File.WriteAllTextAsync(temporary, text);
            }

            Array.ForEach(all, f => File.Move(f.Temporary, f.File, overwrite: true));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MeasurementException($"The result cannot be written: {e.Message}", e);
        }
        finally
        {
            Array.ForEach([.. all.Select(f => f.Temporary).Where(File.Exists)], File.Delete);
        }
    }

    private static string TemporaryOf(string file) => $"{file}.{Path.GetRandomFileName()}";
}
