-- What the row lua runs: bench(count) returns an integer. No pairs() (its order changes from run to run) and none
-- of the C library's mathematics (its last bit depends on the CPU).

local function mix(sum, value)
  sum = (sum ~ value) * 0x9e3779b97f4a7c15
  return sum << 29 | sum >> 35
end

local function generator(state)
  return function(limit)
    state = (state * 1103515245 + 12345) & 0x7fffffff
    return (state >> 8) % limit
  end
end

-- words counted by a table, joined and searched
local function words(random)
  local count, order = {}, {}
  for _ = 1, 300 do
    local word = string.char(97 + random(6), 97 + random(6)) .. random(8)
    if not count[word] then order[#order + 1] = word end
    count[word] = (count[word] or 0) + 1
  end
  table.sort(order, function(a, b)
    if count[a] ~= count[b] then return count[a] > count[b] end
    return a < b
  end)
  local text, sum = table.concat(order, ","), 0
  for word in text:gmatch("[^,]+") do sum = sum * 31 + count[word] * #word end
  return sum + #text:gsub("a", "bb")
end

-- eight queens, by recursion and closures
local function queens(n)
  local row, up, down, found = {}, {}, {}, 0
  local function place(column)
    if column > n then found = found + 1 return end
    for r = 1, n do
      if not (row[r] or up[r + column] or down[r - column]) then
        row[r], up[r + column], down[r - column] = true, true, true
        place(column + 1)
        row[r], up[r + column], down[r - column] = nil, nil, nil
      end
    end
  end
  place(1)
  return found
end

-- objects with methods, numbers of both kinds
local Account = {}
Account.__index = Account
function Account.new(balance) return setmetatable({balance = balance, log = {}}, Account) end
function Account:move(other, amount)
  self.balance = self.balance - amount
  other.balance = other.balance + amount * 0.99
  self.log[#self.log + 1] = amount
end

local function accounts(random)
  local all, sum = {}, 0
  for i = 1, 10 do all[i] = Account.new(1000.0 + i) end
  for _ = 1, 300 do all[random(10) + 1]:move(all[random(10) + 1], random(50)) end
  for _, account in ipairs(all) do sum = sum + account.balance // 1 + #account.log end
  return sum
end

function bench(count)
  local random, sum = generator(42), 0
  for _ = 1, count do
    sum = mix(sum, words(random))
    sum = mix(sum, queens(6))
    sum = mix(sum, math.tointeger(accounts(random)))
  end
  return sum
end
