# resetctl in PowerShell: resetctl completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName resetctl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition -or $_.Extent.Text -eq $wordToComplete } |
        ForEach-Object { $_.Extent.Text.Trim('"', "'") })
    $program = $words[0]
    $words = @($words | Select-Object -Skip 1)
    if ($wordToComplete -eq '') { $words += '""' }
    foreach ($line in (& $program __complete @words 2>$null)) {
        $value, $about = $line -split "`t", 2
        if ($value -eq ':files') { return }
        if (-not $about) { $about = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $about)
    }
}
